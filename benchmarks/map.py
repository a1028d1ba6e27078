"""The map's cost and quality. Writes benchmarks/map.md. usage: python benchmarks/map.py ROOT [SIZES]

ROOT is a store whose stage skills has run (quality is measured on it); SIZES, such as 1000,10000,50000, are made of its names and combinations of them."""
import itertools
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score

from skillnb.cluster import METHODS, anchored, displacement, grouped, project, turned
from skillnb.embed import embed_once
from skillnb.store import Store

HERE = Path(__file__).parent


def names_of(root, n):
    "`n` distinct names: the store's own, then pairs of them."
    own = Store(root).read("vocabulary").name.tolist()
    pairs = (f"{a} {b}" for a, b in itertools.product(own, own[:300]))
    return list(dict.fromkeys(own + list(itertools.islice(pairs, n * 2))))[:n]


def one_size(root, n, folder):
    "Seconds of each step and the peak memory, in a process of its own."
    names, steps = names_of(root, n), {}
    def timed(what, f):
        start = time.perf_counter(); out = f(); steps[what] = time.perf_counter() - start
        return out
    timed("umap's first import and compilation", lambda: project(np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)))
    vectors = timed("embed", lambda: embed_once(names, folder=folder))
    timed("embed again, from the cache", lambda: embed_once(names, folder=folder))
    plane, space = timed("UMAP in the plane and in space", lambda: project(vectors))
    timed("regions", lambda: grouped(space, vectors))
    steps["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(";".join(f"{k}={v:.1f}" for k, v in steps.items()))


def recall(vectors, places, k=10):
    "Share of the ten nearest by vector that are among the ten nearest on the map."
    def near(x, similar):
        s = x @ x.T if similar else -((x[:, None] - x[None]) ** 2).sum(-1)
        np.fill_diagonal(s, -np.inf)
        return np.argsort(-s, axis=1)[:, :k]
    return np.mean([len(set(a) & set(b)) / k for a, b in zip(near(vectors, True), near(places, False))])


def quality(root):
    v = Store(root).read("vocabulary").query("n_postings > 1").reset_index(drop=True)
    x = embed_once(v.name.tolist(), folder=f"{root}/cache")
    plane, space = project(x)
    lines = [f"## Quality, {len(v)} skills of two postings or more", "", "| | plane | space |", "|---|---|---|",
             f"| recall@10 of the neighbours by vector | {recall(x, plane):.3f} | {recall(x, space):.3f} |",
             f"| trustworthiness (10) | {trustworthiness(x, plane, n_neighbors=10, metric='cosine'):.3f} | {trustworthiness(x, space, n_neighbors=10, metric='cosine'):.3f} |", ""]
    lines += ["### Where regions come from", "", "| method | regions | silhouette in space | silhouette by vector | stability (adjusted Rand of 10 bootstraps) | agreement with groups (NMI) |", "|---|---|---|---|---|---|"]
    rng = np.random.default_rng(0)
    for method in METHODS:
        labels, again = grouped(space, x, method=method), []
        for _ in range(10):
            some = rng.choice(len(v), len(v), replace=True)
            some = np.unique(some)
            again.append(adjusted_rand_score(labels[some], grouped(space[some], x[some], len(set(labels)), method)))
        lines.append(f"| {method} | {len(set(labels))} | {silhouette_score(space, labels):.3f} | {silhouette_score(x, labels, metric='cosine'):.3f} | {np.mean(again):.3f} | {normalized_mutual_info_score(v.category, labels):.3f} |")
    return lines + [""] + context(root, v, x) + stays(x)


def context(root, v, x):
    "Whether a little context makes better neighbours: are a skill's ten nearest of its group?"
    said = [f"{n} ({', '.join(list(a)[:2])})" if len(a) else n for n, a in zip(v.name, v.aliases)]
    kind = [f"{n}, a {k} skill in machine learning" for n, k in zip(v.name, v.kind)]
    rows = [("the name alone", x), ("with two other forms", embed_once(said, folder=f"{root}/cache")), ("with a phrase around it", embed_once(kind, folder=f"{root}/cache"))]
    def purity(y):
        s = y @ y.T; np.fill_diagonal(s, -1)
        near = np.argsort(-s, axis=1)[:, :10]
        return (v.category.to_numpy()[near] == v.category.to_numpy()[:, None]).mean()
    return ["### What is embedded", "", "| | neighbours of the same group (10) |", "|---|---|", *(f"| {n} | {purity(y):.3f} |" for n, y in rows), ""]


def stays(x):
    "Displacement of unchanged skills from one week to the next: 5 % leave, 5 % come."
    rng, n = np.random.default_rng(1), len(x)
    gone, k = rng.permutation(n), n // 20
    first, then = np.sort(gone[k:]), np.sort(np.r_[gone[2 * k:], gone[:k]])
    old, both = project(x[first]), np.intersect1d(first, then)
    rows = []
    for d, name in ((0, "plane"), (1, "space")):
        was = np.full((n, 2 + d), np.nan); was[first] = old[d]
        fresh = project(x[then], seed=7)[d]
        start = anchored(was[then], x[then])
        starts = (start, None) if d == 0 else (None, start)
        kept = turned(project(x[then], seed=7, starts=starts)[d], was[then])
        at = np.searchsorted(then, both)
        rows.append(f"| {name} | {displacement(fresh[at], was[both]):.3f} | {displacement(turned(fresh, was[then])[at], was[both]):.3f} | {displacement(kept[at], was[both]):.3f} |")
    return ["### A week later (5 % of the skills new, 5 % gone)", "", "Mean displacement of the skills that stayed, in units of the map's size (root mean square distance from its middle).", "",
            "| | a map of its own | turned back | anchored and turned back (as shipped) |", "|---|---|---|---|", *rows, ""]


def main(root, sizes):
    import tempfile
    lines = ["# The map", "", *quality(root), "## Cost", "", "Seconds on one machine, which other work shares: read them as ratios.", ""]
    table = {}
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            out = subprocess.run([sys.executable, __file__, "--one", root, str(n), folder], capture_output=True, text=True, check=True).stdout.strip().splitlines()[-1]
        table[f"{n:,}"] = {k: float(v) for k, v in (p.split("=") for p in out.split(";"))}
    lines += ["| skills | " + " | ".join(table) + " |", "|---" * (len(table) + 1) + "|"]
    lines += ["| " + step + " | " + " | ".join(f"{table[n][step]:,.1f}" for n in table) + " |" for step in next(iter(table.values()))]
    (HERE/"map.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    if sys.argv[1] == "--one": one_size(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else: main(sys.argv[1], [int(n) for n in (sys.argv[2] if len(sys.argv) > 2 else "1000,10000,50000").split(",")])
