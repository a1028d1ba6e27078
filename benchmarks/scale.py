#!/usr/bin/env python
"""From collected postings to trends at growing sizes, what a week costs on top of a past, and what a billion a year would take.

    python benchmarks/scale.py                        # 1,000 and 10,000 postings; writes benchmarks/scale.csv and scale.md
    python benchmarks/scale.py 100000 1000000         # more sizes: what scale.csv holds is kept, and not measured again
    python benchmarks/scale.py --engine ray 1000      # the same with dedup and tag on a Ray cluster of this machine's cores

Postings are those of `ingest.py`: re-posted, changed a little and wrapped in boilerplate as often as the real ones, in ten weeks. On top of each size comes
an eleventh week of 2,000 more, and once that week alone. The tagger reads a sample of 100 distinct postings; in the others, the names that it found so far
are marked wherever they stand, so that skills and trends have as many mentions as they would have. Each step runs in a process of its own, on one thread.
Seconds are of the processor, the tagger's extrapolated from its sample; with Ray they are of the clock, and Ray's own start is in them. The yardstick is to
split the same texts into words with Python's `re`. Clean, dedup, segment and tag look at the week; `skills` and `trends` look at all weeks at once.
"""
import collections
import csv
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from functools import partial
from pathlib import Path

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "TOKENIZERS_PARALLELISM"), "1")

import numpy as np
import pandas as pd
from ingest import WEEKS, Writer

from skillnb.acronyms import meanings, mined, spelt_out
from skillnb.changes import changes, comparisons
from skillnb.clean import clean
from skillnb.dedup import Index, fold
from skillnb.embed import embed_once
from skillnb.normalise import canonical
from skillnb.resolve import counted, decide, link, read, vocabulary
from skillnb.scale import over, spread
from skillnb.schema import empty
from skillnb.segment import segment_postings
from skillnb.store import Store
from skillnb.tag import Tagger, tag_postings
from skillnb.together import pairs
from skillnb.trends import panel, weekly_shares

HERE, SAMPLE, WEEK, WANTED = Path(__file__).parent, 100, 2_000, (1_000, 10_000, 100_000, 1_000_000)
STEPS = ("clean", "dedup", "segment", "tag", "skills", "trends")


class Clock:
    "Seconds by step: of the processor, or of the clock where others do the work."
    def __init__(self, engine): self.now, self.seconds = time.perf_counter if engine == "ray" else time.process_time, collections.Counter()
    def __call__(self, step, do, *args):
        begin = self.now()
        made = do(*args)
        self.seconds[step] += self.now() - begin
        return made


def ingest(store, week, index, clock):
    "One week from sightings to segments; the new canonical postings."
    sightings = store.read("sightings", week)
    texts, _ = clock("clean", clean, sightings)
    store.write("texts", texts, week)
    folded = clock("dedup", fold, texts.merge(sightings[["source", "source_id", "url"]]), index, week)
    for table, rows in folded.items(): store.write(table, rows, week)
    fresh = folded["postings"].merge(folded["signatures"][["posting_id"]])
    store.write("segments", clock("segment", segment_postings, fresh), week)
    clock("yardstick", lambda: [re.findall(r"\w+", t.casefold()) for t in texts.text])
    return fresh


def standing(text, names, longest=5):
    "(start, end) of each of `names` in a text, the longest first, none inside another."
    found, free, at = [], 0, [(m.start(), m.end()) for m in re.finditer(r"\w[\w+#.-]*\w|\w[+#]*", text)]
    for i, (start, _) in enumerate(at):
        if start < free: continue
        end = next((e for _, e in reversed(at[i:i + longest]) if text[start:e] in names), 0)
        if end: found.append((start, free := end))
    return found


def mark(store, week, fresh, tagger, read, names, clock):
    "Mentions of a week: a sample is read by the tagger, the rest is marked with the names found so far."
    few = fresh[fresh.language == "en"].head(SAMPLE // (len(WEEKS) - 1))
    found, _ = clock("tag", tag_postings, few, store.read("segments", week), tagger, read)
    clock.seconds["read"] += len(few)
    names |= {m.text: (m.kind, m.section) for m in found.itertuples()}
    rest = fresh[~fresh.posting_id.isin(few.posting_id)]
    rows = [(p, s, e, text[s:e], *names[text[s:e]], .9, tagger.name) for p, text in zip(rest.posting_id, rest.text) for s, e in standing(text, names)]
    frames = [f for f in (found, pd.DataFrame(rows, columns=empty("mentions").columns)) if len(f)]
    store.write("mentions", pd.concat(frames) if frames else empty("mentions"), week)


def name(store, root):
    "Every mention linked to a skill."
    postings = store.read("postings")
    texts, lead = dict(zip(postings.posting_id, postings.text)), postings[postings.duplicate_of.isna()]
    said = read(store.read("mentions"), texts, spelt_out(texts))
    decided = decide(counted(said), partial(embed_once, folder=f"{root}/cache"), meanings(mined(lead), lambda long: canonical(long).skill_id))
    made = link(said, decided)
    return made, vocabulary(said, made)


def measure(store, made):
    "The tables that most of the time of `trends` goes into."
    postings = store.sql("SELECT posting_id, duplicate_of, language, company, first_seen FROM postings")
    named = made[["posting_id", "start", "end", "skill_id"]].merge(store.read("mentions")[["posting_id", "start", "end", "kind", "section"]])[["posting_id", "skill_id", "kind", "section"]]
    seen = panel(store.sql("SELECT posting_id, source, collected_on FROM texts"), postings, store.sql("SELECT DISTINCT posting_id, model FROM mentions"), named)
    for counting in ("open", "new", "sightings"): weekly_shares(seen, counting, 20, .95)
    changes(seen, 6, 20, .95), comparisons(seen, 6, .95), pairs(seen, 20, .95, 12)


def work(root, weeks, engine):
    "All steps over `weeks`: seconds of each, and how many postings the tagger read."
    store, clock, load, names = Store(root, stage="bench"), Clock(engine), partial(Tagger, "shipped", "cpu"), {}
    index, tagger = Index(store, over=over(engine)), load()
    read = None if engine == "serial" else spread(load, engine)
    for week in weeks: mark(store, week, ingest(store, week, index, clock), tagger, read, names, clock)
    made, _ = clock("skills", name, store, root)
    clock("trends", measure, store, made)
    return clock.seconds


def make(root, n):
    "Ten weeks of `n` sightings in all; an eleventh is kept apart."
    writer = Writer()
    for week in WEEKS[:-1]: Store(root, stage="bench").write("sightings", writer.week(n // 10, week), week)
    Store(f"{root}/later", stage="bench").write("sightings", writer.week(WEEK, WEEKS[-1]), WEEKS[-1])


def step(what, root, n, engine):
    "One step in this process: seconds, peak memory, distinct postings, bytes."
    if what == "make": return make(root, n)
    where, begin = f"{root}/later" if what == "alone" else root, time.perf_counter()
    if what == "week": shutil.copytree(f"{root}/later/sightings", f"{root}/sightings", dirs_exist_ok=True)
    seconds = work(where, WEEKS[:-1] if what == "all" else WEEKS[-1:], engine)
    distinct = Store(where).sql("SELECT count(*) AS n FROM signatures" + ("" if what == "all" else f" WHERE collected_on = DATE '{WEEKS[-1]}'")).n.item()
    seconds["tag"] *= distinct / max(seconds.pop("read"), 1)   # from the sample to all
    size = sum(p.stat().st_size for p in Path(where).rglob("*.parquet") if where != root or "later" not in p.relative_to(root).parts)
    told = {"engine": engine, "what": what, "past": n * (what != "alone"), "new": n if what == "all" else WEEK, "distinct": distinct, **{k: round(seconds[k], 2) for k in (*STEPS, "yardstick")},
            "clock": round(time.perf_counter() - begin), "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024), "bytes": size, "measured": date.today().isoformat()}
    print(json.dumps(told))


def run(what, root, n, engine):
    "The same in a process of its own."
    done = subprocess.run([sys.executable, __file__, "--step", what, root, str(n), engine], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None


def load(path):
    "What was measured before."
    if not path.exists(): return []
    with open(path, newline="") as f: return [{k: v if k in ("engine", "what", "measured") else float(v) for k, v in r.items()} for r in csv.DictReader(f)]


def save(path, rows):
    with open(path, "w", newline="") as f:
        (out := csv.DictWriter(f, rows[0])).writeheader()
        out.writerows(sorted(rows, key=lambda r: (r["engine"] == "ray", r["what"] != "all", float(r["past"]))))


def measured(engine, n, path=HERE/"scale.csv"):
    "Measure one size and the weeks that belong to it, unless they stand in the table already."
    done, wanted = load(path), ("all", "week") + ("alone",) * (n == WANTED[0])
    todo = [w for w in wanted if not any((r["engine"], r["what"], r["past"]) == (engine, w, n * (w != "alone")) for r in done)]
    if not todo: return
    with tempfile.TemporaryDirectory() as root:
        run("make", root, n, engine)
        for what in dict.fromkeys(("all", *todo)):   # a week needs its past
            found = run(what, root, n, engine)
            if what in todo: save(path, load(path) + [found])


def table(rows, first, label):
    "Rows of a kind as Markdown."
    def cells(r):
        spent = sum(r[k] for k in STEPS)
        return [label(r), f"{r['distinct']:,.0f}", *(f"{r[k]:,.1f} ({r[k] / r['yardstick']:.0f})" for k in STEPS), f"{r['new'] / spent:,.1f}", f"{r['peak_mb']:,.0f}", f"{r['bytes'] / max(r['past'] + r['new'] * (r['what'] != 'all'), 1):,.0f}"]
    head = f"| {first} | distinct | " + " | ".join(f"{k}, s (× yardstick)" for k in STEPS) + " | postings a second | peak MB | bytes a posting |\n|---|---:" + "|---:" * (len(STEPS) + 3) + "|\n"
    return head + "\n".join("| " + " | ".join(cells(r)) + " |" for r in rows) + "\n\n"


def plan(r):
    "A billion postings a year, from the figures of one core."
    distinct, year = r["distinct"] / r["new"], 1e9
    hours = {k: r[k] / r["new"] * year / 3600 for k in ("clean", "dedup", "segment", "tag")}
    total, stored = sum(hours.values()), r["bytes"] / r["new"] * year / 1e12
    return (f"At the rates of {r['new']:,.0f} postings ({distinct:.0%} distinct): " + ", ".join(f"{k} {h:,.0f}" for k, h in hours.items())
            + f" core hours, {total:,.0f} in all. That is {total / 8766:,.0f} cores busy all year, {total / 8766 / 16:,.1f} machines of 16 cores, or ${total * .04:,.0f} at an assumed $0.04 a core hour; "
            f"{stored:,.1f} TB of Parquet, ${stored * 1000 * .023 * 12:,.0f} a year at an assumed $0.023 a GB and month.\n\nWhat breaks first:\n\n"
            f"1. `skills` and `trends` read every mention in one process: {(r['skills'] + r['trends']) / r['new'] * 1e6:,.0f} s for a million postings, if they went on as here, each week anew. "
            "They have to count by week and keep the counts; then a week costs what it brings.\n"
            f"2. Dedup's index is held by one process: about {128 * 4 + 25 * 8 + 100} bytes a distinct posting of the last 90 days, {year / 4 * distinct * 812 / 1e9:,.0f} GB. It has to be parted by band.\n"
            f"3. A week is one partition a table, written by one process: {year / 52 / 1e6:,.0f} million rows, {stored * 1e3 / 52:,.0f} GB over all tables. It has to be parted by day or by hash.\n")


def report(rows):
    "What scale.csv says, as Markdown."
    serial, ray = ([r for r in rows if r["engine"] == e] for e in ("serial", "ray"))
    sizes = [r for r in serial if r["what"] == "all"]
    weeks = sorted((r for r in serial if r["what"] != "all"), key=lambda r: r["past"])
    out = table(sizes, "postings", lambda r: f"{r['new']:,.0f}")
    if len(sizes) > 1:
        grown = {k: np.polyfit(np.log([r["new"] for r in sizes]), np.log([r[k] for r in sizes]), 1)[0] for k in STEPS}
        out += "Seconds grow with the number of postings to the power of: " + ", ".join(f"{k} {e:.2f}" for k, e in grown.items()) + ".\n\n"
    if missing := [f"{n:,}" for n in WANTED if n not in [r["new"] for r in sizes]]: out += f"**Not run yet: {' and '.join(missing)} postings.**\n\n"
    out += f"## A week of {WEEK:,} more\n\n" + table(weeks, "on top of", lambda r: f"{r['past']:,.0f}")
    if ray: out += "## On Ray, seconds of the clock\n\n" + table(ray, "postings", lambda r: f"{r['new']:,.0f}" + f" on top of {r['past']:,.0f}" * (r["what"] != "all"))
    return out + "## A billion postings a year\n\n" + plan(sizes[-1])


def main(engine, sizes):
    for n in sizes: measured(engine, n)
    (HERE/"scale.md").write_text("# scale\n\n" + __doc__.split("\n\n", 2)[2].strip() + "\n\n" + report(load(HERE/"scale.csv")), encoding="utf-8")


if __name__ == "__main__":
    args = sys.argv[1:]
    if args[:1] == ["--step"]: step(args[1], args[2], int(args[3]), args[4])
    else: main(args[args.index("--engine") + 1] if "--engine" in args else "serial", [int(a) for a in args if a.isdigit()] or WANTED[:2])
