#!/usr/bin/env python
"""Seconds and bytes of the report site as postings grow, beside an empty notebook executed in the same run.

    python benchmarks/site.py                  # 500, 5,000 and 50,000 postings; writes benchmarks/site.md
    python benchmarks/site.py 500 2000         # other sizes

The postings are made up: twelve weeks, forty mentions each, from a list of skills that gets longer with the postings as words do
(Zipf's law with exponent 1.3). What is measured is the stage `report`, from tables to a finished site. Seconds are those of processors,
kernels and the search's indexer included, since a wall clock measures whatever else the machine does.
"""
import gzip
import math
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from stages import empty_notebook

from skillnb.config import load
from skillnb.flow import run
from skillnb.schema import KINDS, SECTIONS, TABLES
from skillnb.store import Store
from skillnb.trends import wilson

WEEKS = pd.date_range("2025-01-06", periods=12, freq="7D")
MENTIONS = 40


def names(n):
    "So many names that look like skills, the shorter ones first."
    parts = "data cloud graph vector stream model feature search vision speech edge batch query test risk image text time signal agent".split()
    return [" ".join(parts[(i // 20 ** d) % 20] for d in range(max(1, math.ceil(math.log(i + 2, 20))))) + (f" {i}" if i % 3 else "") for i in range(n)]


def drawn(n, rng):
    "For each posting its mentions' skills, each once: columns posting, skill (numbers)."
    hits = pd.DataFrame({"posting": np.repeat(np.arange(n), MENTIONS), "skill": rng.zipf(1.3, n * MENTIONS) % 200_000}).drop_duplicates()
    order = hits.skill.value_counts().index
    return hits.assign(skill=hits.skill.map(pd.Series(np.arange(len(order)), order)))


def fill(root, n):
    "A store as the stage `trends` leaves it."
    rng, store = np.random.default_rng(n), Store(root)
    hits, day = drawn(n, rng), rng.integers(0, len(WEEKS), n)
    called, pid = names(hits.skill.max() + 1), [f"{i:016x}" for i in range(n)]
    ids = [f"s{i}-" + c.replace(" ", "-") for i, c in enumerate(called)]
    def write(table, columns, when=WEEKS[-1]): store.write(table, pd.DataFrame(columns)[TABLES[table].schema.names], f"{when:%Y-%m-%d}")
    hits["name"] = [called[s] for s in hits.skill]
    hits["line"] = "We look for experience with " + hits.name + " in projects that matter.\n"
    length = hits.line.str.len()
    hits["a"] = length.groupby(hits.posting).cumsum() - length
    text = hits.groupby("posting").line.sum()
    for w, when in enumerate(WEEKS):
        at = np.flatnonzero(day == w)
        if not len(at): continue
        part, mine = hits[hits.posting.isin(at)], [pid[i] for i in at]
        said = {"title": "ML engineer", "company": [f"Company {i % 997}" for i in at], "language": "en", "text": text[at].values, "source": "sample"}
        write("sightings", {c: None for c in TABLES["sightings"].schema.names} | said | {"source_id": mine, "raw": said["text"], "posted_at": when, "place": "Bern"}, when)
        write("texts", said | {"source_id": mine, "posting_id": mine}, when)
        write("postings", said | {"posting_id": mine, "url": [f"https://example.org/{i}" for i in at], "first_seen": when, "last_seen": when, "n_sightings": 1, "duplicate_of": None}, when)
        place = {"posting_id": [pid[i] for i in part.posting], "start": part.a.values + 28, "end": part.a.values + 28 + part.name.str.len().values}
        section = np.array(SECTIONS)[part.skill.values % 4]
        write("segments", {"posting_id": place["posting_id"], "start": part.a.values, "end": (part.a + part.line.str.len() - 1).values, "section": section, "block": None, "language": "en"}, when)
        write("mentions", place | {"text": part.name.values, "kind": np.array(KINDS)[part.skill.values % 2], "section": section, "score": .9, "model": "made-up"}, when)
        write("links", place | {"skill_id": [ids[s] for s in part.skill], "method": "exact", "score": 1.}, when)
    measures(write, hits.assign(week=day[hits.posting]), ids, called, np.bincount(day, minlength=len(WEEKS)), rng)


def measures(write, hits, ids, called, total, rng):
    "The tables of one row a skill, or a skill and week."
    n, k = hits.skill.value_counts().sort_index(), np.arange(len(ids))
    group = [f"group {i % 24}" for i in k]
    write("vocabulary", {"skill_id": ids, "name": called, "kind": np.array(KINDS)[k % 2], "category": group, "aliases": [[c] for c in called], "n_mentions": n.values, "n_postings": n.values})
    write("skills", {"skill_id": ids, "name": called, "kind": np.array(KINDS)[k % 2], "aliases": [[c] for c in called], "n_postings": n.values, "cluster": group, **{a: rng.normal(size=len(ids)) for a in "uvxyz"}})
    found = hits.groupby(["skill", "week"]).size().unstack(fill_value=0).reindex(columns=range(len(WEEKS)), fill_value=0)
    count, of = found.values.ravel(), np.tile(total, len(ids))
    low, high = wilson(count / of, of)
    shares = {"skill_id": np.repeat(ids, len(WEEKS)), "week": np.tile(WEEKS, len(ids)), "n_postings": count, "n_total": of, "n_effective": of.astype(float), "share": count / of, "low": low, "high": high, "answer": "share"}
    write("trends", shares)
    both = {c: np.tile(np.asarray(v), 2) if c != "answer" else v for c, v in shares.items()}
    write("countings", both | {"counting": np.repeat(["new", "sightings"], len(count))})
    a, b, m = found.values[:, :6].sum(1), found.values[:, 6:].sum(1), (total[:6].sum(), total[6:].sum())
    change = {"skill_id": ids, "n_before": a, "total_before": m[0], "share_before": a / m[0], "n_after": b, "total_after": m[1], "share_after": b / m[1], "change": b / m[1] - a / m[0],
              "low": b / m[1] - a / m[0] - .02, "high": b / m[1] - a / m[0] + .02}
    write("changes", change | {"n_employers": 9, "q": .5, "verdict": "can't tell", "note": None, "demand": 0., "source_mix": 0., "employer_mix": 0., "reposts": 0.})
    write("comparisons", change | {"view": "raw"})


def kilobytes(files): return sum(f.stat().st_size for f in files if f.is_file()) / 1e3


def spent(work):
    "What `work` returns, and the processor's seconds that it and its child processes took."
    before = sum(os.times()[:4])
    return work(), sum(os.times()[:4]) - before


def measured(n, tmp):
    "One row of the table."
    root, site = tmp/f"{n}", tmp/f"site-{n}"
    fill(str(root), n)
    done, seconds = spent(lambda: run(load("demo", [f"report.out={site}"], root=str(root), environ={}), "report", "report"))
    pages = list(site.rglob("*.html"))
    found = {"postings": n, "skills": Store(str(root)).sql("SELECT count(*) AS n FROM skills").n.item(), "seconds": seconds, "peak MB": done.iloc[0].peak_mb, "pages": len(pages),
            "home kB, zipped": len(gzip.compress((site/"index.html").read_bytes())) / 1e3, "largest page kB, zipped": max(len(gzip.compress(p.read_bytes())) for p in pages) / 1e3,
            "pages MB": kilobytes(pages) / 1e3, "pictures MB": kilobytes((site/"cards").rglob("*")) / 1e3, "search MB": kilobytes((site/"pagefind").rglob("*")) / 1e3,
            "downloads MB": kilobytes((site/"downloads").rglob("*")) / 1e3, "site MB": kilobytes(site.rglob("*")) / 1e3}
    print(found, file=sys.stderr, flush=True)
    return found


def main():
    sizes = [int(a) for a in sys.argv[1:]] or [500, 5_000, 50_000]
    with tempfile.TemporaryDirectory() as tmp:
        empty_notebook(Path(tmp))   # the first start of a kernel reads everything from disk
        floor = min(spent(lambda: empty_notebook(Path(tmp)))[1] for _ in range(3))
        rows = [measured(n, Path(tmp)) for n in sizes]
    columns = ["postings", "skills", "pages", "seconds", "× an empty notebook", "peak MB", *(c for c in rows[0] if "kB" in c or c.endswith("MB") and c != "peak MB")]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---:|" * len(columns)]
    for r in rows: lines.append("| " + " | ".join(f"{(r | {'× an empty notebook': r['seconds'] / floor})[c]:,.{0 if c in ('postings', 'skills', 'pages', 'peak MB') else 1}f}" for c in columns) + " |")
    first, last = rows[0], rows[-1]
    def grows(c): return math.log(last[c] / first[c]) / math.log(last["postings"] / first["postings"]) if last["postings"] > first["postings"] else float("nan")
    lines += ["", f"From {first['postings']:,} to {last['postings']:,} postings the time grows with exponent {grows('seconds'):.2f}, the site with {grows('site MB'):.2f}, Home with {grows('home kB, zipped'):.2f} (1 would be in step with the postings)."]
    text = "\n".join(lines) + "\n"
    print(text)
    command = " ".join(["python benchmarks/site.py", *sys.argv[1:]])
    (Path(__file__).parent/"site.md").write_text(f"# The site as postings grow\n\nMade by `{command}`. Seconds are those of processors.\n\n{text}")


if __name__ == "__main__": main()
