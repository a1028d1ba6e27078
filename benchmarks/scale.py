#!/usr/bin/env python
"""From collected postings to trends at growing sizes, what a week costs on top of a past, and what a billion a year would take.

    python benchmarks/scale.py                     # 1,000 and 10,000 postings, then a week of a tenth; writes benchmarks/scale.md
    python benchmarks/scale.py 1000 10000 100000   # other sizes; writes benchmarks/scale.md
    python benchmarks/scale.py --engine ray 1000   # with dedup and tag on a Ray cluster; seconds are then of the clock; writes nothing

Postings are those of `ingest.py`: re-posted, changed a little and wrapped in boilerplate as often as the real ones. The tagger reads a sample of 300
distinct postings; in the others, the names that it found there are marked wherever they stand, so that skills and trends have as many mentions as
they would have. Each step runs in a process of its own, on one thread; seconds are of the processor, the tagger's extrapolated from its sample. The
yardstick is to split the same texts into words with Python's `re`. `skills` and `trends` look at all weeks at once: their cost follows the past.
"""
import collections
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
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

HERE, SAMPLE = Path(__file__).parent, 300
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


def mark(store, week, fresh, engine, clock):
    "Mentions of a week: a sample is read by the tagger, the rest is marked with the names found there."
    load, segments = partial(Tagger, "shipped", "cpu"), store.read("segments", week)
    few = fresh[fresh.language == "en"].head(max(1, SAMPLE // len(WEEKS)))
    tagger = load()
    found, _ = clock("tag", tag_postings, few, segments, tagger, None if engine == "serial" else spread(load, engine))
    clock.seconds["read"] += len(few)
    names = found.drop_duplicates("text").set_index("text")[["kind", "section"]]
    any_name = re.compile(r"(?<!\w)(?:" + "|".join(sorted(map(re.escape, names.index), key=len, reverse=True)) + r")(?!\w)") if len(names) else re.compile(r"(?!)")
    rows = [(p.posting_id, m.start(), m.end(), m[0], *names.loc[m[0]], .9, tagger.name) for p in fresh[~fresh.posting_id.isin(few.posting_id)].itertuples() for m in any_name.finditer(p.text)]
    rest = pd.DataFrame(rows, columns=empty("mentions").columns) if rows else empty("mentions")
    store.write("mentions", pd.concat([f for f in (found, rest) if len(f)] or [rest]), week)


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
    store, clock = Store(root, stage="bench"), Clock(engine)
    index = Index(store, over=over(engine))
    for week in weeks: mark(store, week, ingest(store, week, index, clock), engine, clock)
    made, _ = clock("skills", name, store, root)
    clock("trends", measure, store, made)
    return clock.seconds


def make(root, n):
    "Ten weeks of `n` sightings in all, and an eleventh of a tenth of them, kept apart."
    writer = Writer()
    for week in WEEKS[:-1]: Store(root, stage="bench").write("sightings", writer.week(n // 10, week), week)
    for later in (f"{root}/later", f"{root}/alone"): Store(later, stage="bench").write("sightings", writer.week(n // 10, WEEKS[-1]), WEEKS[-1])


def step(what, root, n, engine):
    "One step in this process: seconds, peak memory, distinct postings, bytes."
    if what == "make": return make(root, n)
    if what == "week": shutil.copytree(f"{root}/later/sightings", f"{root}/sightings", dirs_exist_ok=True)
    where = f"{root}/alone" if what == "alone" else root
    seconds = work(where, WEEKS[:-1] if what == "all" else WEEKS[-1:], engine)
    distinct = Store(where).sql("SELECT count(*) AS n FROM signatures" + ("" if what == "all" else f" WHERE collected_on = DATE '{WEEKS[-1]}'")).n.item()
    seconds["tag"] *= distinct / max(seconds.pop("read"), 1)   # from the sample to all
    size = sum(p.stat().st_size for p in Path(where).rglob("*.parquet") if not {"later", "alone"} & set(p.relative_to(where).parts))
    print(json.dumps({"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "distinct": distinct, "bytes": size}))


def run(what, root, n, engine):
    "The same in a process of its own."
    done = subprocess.run([sys.executable, __file__, "--step", what, root, str(n), engine], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None


def line(label, n, found):
    s = found["seconds"]
    cells = [label, f"{found['distinct']:,}", *(f"{s[k]:,.1f} ({s[k] / s['yardstick']:.0f})" for k in STEPS), f"{n / sum(s[k] for k in STEPS):,.1f}", f"{found['peak']:,.0f}", f"{found['bytes'] / n:,.0f}"]
    return "| " + " | ".join(cells) + " |"


def plan(n, found):
    "A billion postings a year, from the figures of one core."
    s, distinct, year = found["seconds"], found["distinct"] / n, 1e9
    hours = {k: s[k] / n * year / 3600 for k in ("clean", "dedup", "segment", "tag")}
    total, stored = sum(hours.values()), found["bytes"] / n * year / 1e12
    return (f"A billion postings a year, at the rates of the largest size ({distinct:.0%} distinct): " + ", ".join(f"{k} {h:,.0f}" for k, h in hours.items())
            + f" core hours, {total:,.0f} in all. That is {total / 8766:,.0f} cores busy all year, or ${total * .04:,.0f} at an assumed $0.04 a core hour; {stored:,.1f} TB of Parquet, ${stored * 1000 * .023 * 12:,.0f} "
            f"a year at an assumed $0.023 a GB and month. What breaks first: `skills` and `trends`, which read every mention in one process ({(s['skills'] + s['trends']) / n * 1e6:,.0f} s and "
            f"{found['peak'] / n * 1e3:,.0f} GB of memory for a million postings, if they went on as here); then dedup's index, which one process holds (about {128 * 4 + 25 * 8 + 100} bytes a distinct posting within its 90 days, "
            f"{year / 4 * distinct * 812 / 1e9:,.0f} GB); then a week's partition, which one process writes.")


def main(engine, sizes):
    rows, totals, root = [], [], None
    for n in sizes:
        root = tempfile.mkdtemp()
        run("make", root, n, engine)
        found = run("all", root, n, engine)
        totals.append([found["seconds"][k] for k in STEPS])
        rows.append(line(f"{n:,}", n, found))
        print(rows[-1], flush=True)
    for what, label in (("alone", f"{sizes[-1] // 10:,} after none"), ("week", f"{sizes[-1] // 10:,} after {sizes[-1]:,}")):
        rows.append(line(label, sizes[-1] // 10, run(what, root, sizes[-1], engine)))
        print(rows[-1], flush=True)
    head = "| postings | distinct | " + " | ".join(f"{k}, s (× yardstick)" for k in STEPS) + " | postings a second | peak MB | bytes a posting |\n|---|---:" + "|---:" * (len(STEPS) + 3) + "|\n"
    grown = np.polyfit(np.log(sizes), np.log(np.array(totals) + 1e-9), 1)[0] if len(sizes) > 1 else []
    tail = "\n\nSeconds grow with the number of postings to the power of: " + ", ".join(f"{k} {e:.2f}" for k, e in zip(STEPS, grown)) + ".\n\n" + plan(sizes[-1], found) + "\n"
    print(head + "\n".join(rows) + tail)
    if engine == "serial" and len(sizes) > 1: (HERE/"scale.md").write_text("# scale\n\n" + __doc__.split("\n\n", 2)[2].strip() + "\n\n" + head + "\n".join(rows) + tail, encoding="utf-8")


if __name__ == "__main__":
    args = sys.argv[1:]
    if args[:1] == ["--step"]: step(args[1], args[2], int(args[3]), args[4])
    else:
        engine = args[args.index("--engine") + 1] if "--engine" in args else "serial"
        main(engine, [int(a) for a in args if a.isdigit()] or [1_000, 10_000])
