"""The map's cost and quality. Writes benchmarks/map.md. usage: python benchmarks/map.py ROOT [SIZES]

ROOT is a store whose stage skills has run (quality is measured on it); SIZES are 1000,10000,50000 unless told."""
import itertools
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score
from sklearn.neighbors import NearestNeighbors

from skillnb.cluster import METHODS, anchored, displacement, grouped, project, turned
from skillnb.embed import embed_once
from skillnb.store import Store
from skillnb.taxonomy import taxonomy

HERE = Path(__file__).parent


def names_of(root, n):
    "`n` distinct names as ads and classifications write them: the store's own, then the labels and the other names of the shipped ESCO, O*NET and Wikidata lists, drawn at random."
    own, t = Store(root).read("vocabulary").name.tolist(), taxonomy()
    rest = [*t.label, *itertools.chain.from_iterable(t.others)]
    random.Random(6).shuffle(rest)
    return list(dict.fromkeys(own + rest))[:n]


def one_size(root, n, folder):
    "Seconds and CPU seconds of each step, peak memory and neighbour quality, in a process of its own."
    import umap
    names, steps = names_of(root, n), {}
    def timed(what, f):
        start, cpu = time.perf_counter(), time.process_time()
        out = f()
        steps[what] = [time.perf_counter() - start, time.process_time() - cpu]
        return out
    fit = umap.UMAP.fit_transform
    timed("umap's first import and compilation", lambda: project(np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)))
    umap.UMAP.fit_transform = lambda self, x: timed(f"of which UMAP in {'plane' if self.n_components == 2 else 'space'}", lambda: fit(self, x))
    vectors = timed("embed", lambda: embed_once(names, folder=folder))
    places = timed("neighbours and UMAP", lambda: project(vectors))
    timed("regions", lambda: grouped(places[1], vectors))
    umap.UMAP.fit_transform = fit
    timed("the same week again: vectors from the cache", lambda: embed_once(names, folder=folder))
    timed("and places from the last map", lambda: project(vectors, starts=tuple(p.astype(np.float32) for p in places)))
    some = np.random.default_rng(0).choice(n, min(n, 3000), replace=False)
    quality = {f"recall@10 in {w}": recall(vectors, p, some[:1000]) for w, p in zip(("plane", "space"), places)}
    quality |= {f"trustworthiness in {w}": trustworthiness(vectors[some], p[some], n_neighbors=10, metric="cosine") for w, p in zip(("plane", "space"), places)}
    print(json.dumps({"names": len(names), "steps": steps, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "quality": quality}))


def recall(vectors, places, of=None, k=10):
    "Share of the ten nearest by vector that are among the ten nearest on the map, over all skills or `of` some."
    of = np.arange(len(places)) if of is None else of
    def near(x, metric):
        found = NearestNeighbors(n_neighbors=k + 1, metric=metric, algorithm="brute").fit(x).kneighbors(x[of], return_distance=False)
        return [[j for j in row if j != i][:k] for i, row in zip(of, found)]
    return np.mean([len(set(a) & set(b)) / k for a, b in zip(near(vectors, "cosine"), near(places, "euclidean"))])


def quality(root):
    v = Store(root).read("vocabulary").query("n_postings > 1").reset_index(drop=True)
    x = embed_once(v.name.tolist(), folder=f"{root}/cache")
    plane, space = project(x)
    lines = [f"## Quality, {len(v)} skills of two postings or more", "", "| | plane | space |", "|---|---|---|",
             f"| recall@10 of the neighbours by vector | {recall(x, plane):.3f} | {recall(x, space):.3f} |",
             f"| trustworthiness (10) | {trustworthiness(x, plane, n_neighbors=10, metric='cosine'):.3f} | {trustworthiness(x, space, n_neighbors=10, metric='cosine'):.3f} |", ""]
    lines += ["### Where regions come from", "", "| method | regions | silhouette in space | silhouette by vector | stability (adjusted Rand of 10 bootstraps) | agreement with groups (NMI) |", "|---|---|---|---|---|---|"]
    rng, stable = np.random.default_rng(0), {}
    for method in METHODS:
        labels, again = grouped(space, x, method=method), []
        for _ in range(10):
            some = rng.choice(len(v), len(v), replace=True)
            some = np.unique(some)
            again.append(adjusted_rand_score(labels[some], grouped(space[some], x[some], len(set(labels)), method)))
        stable[method] = np.mean(again)
        lines.append(f"| {method} | {len(set(labels))} | {silhouette_score(space, labels):.3f} | {silhouette_score(x, labels, metric='cosine'):.3f} | {stable[method]:.3f} | {normalized_mutual_info_score(v.category, labels):.3f} |")
    lines += ["", f"Most stable under bootstrap: {max(stable, key=stable.get)}. The default is kmeans."]
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


def measured(root, n):
    "`one_size` in a process of its own."
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, __file__, "--one", root, str(n), folder], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def cost(made):
    "One column a size, of what `measured` returned."
    def table(heading, rows): return [f"| {heading} | " + " | ".join(f"{m['names']:,}" for m in made) + " |", "|---" * (len(made) + 1) + "|", *(f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows), ""]
    def said(step): return [f"{wall:,.1f} ({cpu:,.1f})" for wall, cpu in (m["steps"][step] for m in made)]
    return ["## Cost", "", "Names: the real vocabulary, then labels and other names of the shipped ESCO, O*NET and Wikidata lists. Seconds, in brackets CPU seconds, on one machine that other work shares; UMAP on one thread, since a seed asks for it.", "",
            *table("step", [(step, said(step)) for step in made[0]["steps"]] + [("peak MB", [f"{m['peak']:,.0f}" for m in made])]),
            "### Neighbour quality by size", "", "Recall over 1,000 skills drawn, trustworthiness among 3,000 drawn.", "",
            *table("", [(q, [f"{m['quality'][q]:.3f}" for m in made]) for q in made[0]["quality"]])]


SOFTWARE = "const real = HTMLCanvasElement.prototype.getContext; HTMLCanvasElement.prototype.getContext = function (kind, given) { return real.call(this, kind, { ...given, failIfMajorPerformanceCaveat: false }); };"
STEPS = """async () => {
  const sheet = document.querySelector('.points'), r = sheet.getBoundingClientRect(), find = document.querySelector('#map-find'), at = { clientX: r.left + r.width / 2, clientY: r.top + 300, bubbles: true, cancelable: true, pointerType: 'mouse' };
  const frames = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const median = async act => { const all = []; for (let i = 0; i < 15; i++) { const t = performance.now(); act(i); await frames(); all.push(performance.now() - t); } return all.sort((a, b) => a - b)[7]; };
  const nothing = await median(() => {});
  const zoom = await median(() => sheet.dispatchEvent(new WheelEvent('wheel', { deltaY: -60, ...at }))); document.querySelector('[data-key="0"]').click();
  const hover = await median(i => sheet.dispatchEvent(new PointerEvent('pointermove', { ...at, clientX: r.left + 200 + 40 * i })));
  const search = await median(i => { find.value = 'b' + 'aeiou'[i % 5]; find.dispatchEvent(new Event('input')); }); find.value = ''; find.dispatchEvent(new Event('input'));
  document.querySelector('[name="map-view"][value="3"]').click(); await frames();
  const turn = await median(() => sheet.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true })));
  return { nothing, zoom, hover, search, turn }; }"""


def drawing(sizes=(1000, 20_000)):
    "Milliseconds of the site's map in a headless browser without a graphics card: by the plain canvas, which is taken there, and by WebGL on the processor."
    import shutil
    from playwright.sync_api import sync_playwright
    sys.path.insert(0, str(HERE.parent/"tests"))
    from site_store import crowded, map_page
    made = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as p:
        browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"])
        for n, way, before in [*((n, "by canvas", None) for n in sizes), (sizes[-1], "by WebGL", SOFTWARE)]:
            here = Path(folder)/f"{n}"
            if not here.exists(): map_page(here, *crowded(n))
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            if before: page.add_init_script(before)
            page.goto((here/"map.html").as_uri())
            page.wait_for_selector(".sheet.drawn")
            first = page.evaluate("() => performance.now()")
            made[f"{n:,} {way}"] = {"file, MB": (here/"map.html").stat().st_size / 1e6, "first draw, ms since the address was given": first} | {f"{k}, ms": v for k, v in page.evaluate(STEPS).items()}
            page.close()
        browser.close()
    said = {"nothing, ms": "two frames of nothing, ms", "zoom, ms": "a step of the wheel, ms", "hover, ms": "pointing at another skill, ms", "search, ms": "a letter in the search, ms", "turn, ms": "turning in space, ms"}
    rows = next(iter(made.values()))
    return ["## Drawing on the site", "", "Synthetic skills (`tests/site_store.py`), twenty weeks, headless Chromium at 1280 x 900 without a graphics card, on a machine that other work shares: read against `two frames of nothing`. Median of 15 steps, each until the second frame after it.", "",
            "| | " + " | ".join(made) + " |", "|---" * (len(made) + 1) + "|", *(f"| {said.get(r, r)} | " + " | ".join(f"{m[r]:,.1f}" for m in made.values()) + " |" for r in rows), ""]


def main(root, sizes):
    lines = ["# The map", "", *quality(root), *cost([measured(root, n) for n in sizes]), *drawing()]
    (HERE/"map.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    if sys.argv[1] == "--one": one_size(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else: main(sys.argv[1], [int(n) for n in (sys.argv[2] if len(sys.argv) > 2 else "1000,10000,50000").split(",")])
