#!/usr/bin/env python
"""How fast postings go through clean, dedup and segment, how much memory that takes, and how both grow.

    python benchmarks/ingest.py                  # 1,000, 10,000 and 100,000 postings, then a week of 10,000 more; writes benchmarks/ingest.md
    python benchmarks/ingest.py 1000 10000       # only these, and then the week; writes nothing

Ads are put together from the lines of the bundled sample, some words exchanged, so that no two are alike by chance. What the real
collections showed is copied in kind and number: 31 of 100 sightings repeat a text to the letter, 5 repeat one with a line added or a
word changed, and employers have as many different ads with the same boilerplate as there (sizes below). Each step runs in a process of
its own, on one thread; seconds are of the processor. The yardstick is to split the same texts into words with Python's `re`.
"""
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")

import numpy as np
import pandas as pd

from skillnb.clean import clean
from skillnb.dedup import Index, fold
from skillnb.fetch import SampleSource, collect
from skillnb.schema import TABLES
from skillnb.segment import segment_postings
from skillnb.store import Store
from skillnb.text import plain

HERE = Path(__file__).parent
EXACT, NEAR = 0.31, 0.05
SIZES = [29, 13, 12, 12, 8, 6, 6, 4, 4] + [3] * 8 + [2] * 22 + [1] * 196   # distinct ads of one employer's boilerplate, real collections
WEEKS = [f"2026-{m:02}-{d:02}" for m, d in ((1, 5), (1, 12), (1, 19), (1, 26), (2, 2), (2, 9), (2, 16), (2, 23), (3, 2), (3, 9), (3, 16))]


class Writer:
    "Writes sightings: new ads, and copies of those it wrote in the last weeks."
    def __init__(self, seed=13):
        self.rng, raws = random.Random(seed), collect([SampleSource()]).sightings.raw
        self.lines = sorted({line for raw in raws for line in plain(raw).split("\n") if len(line) > 30})
        self.words = sorted({w for line in self.lines for w in re.findall(r"[a-z]{4,}", line)})
        self.past, self.employer, self.left, self.n = [], None, 0, 0

    def some(self, n):
        "`n` lines, three words of each exchanged."
        found = []
        for line in self.rng.choices(self.lines, k=n):
            words = line.split(" ")
            for _ in range(3): words[self.rng.randrange(len(words))] = self.rng.choice(self.words)
            found.append(" ".join(words))
        return found

    def ad(self):
        "A new ad of an employer, whose other ads have the same boilerplate: (title, company, raw)."
        if not self.left: self.employer, self.left = self.some(18), self.rng.choice(SIZES)
        self.left -= 1
        own, title = self.some(self.rng.randint(18, 34)), self.rng.choice(("Machine Learning Engineer", "Data Scientist", "Senior ML Engineer", "NLP Engineer"))
        lines = [title, *self.employer[:6], *own, *self.employer[6:]]
        html = self.rng.random() < 0.3
        return title, " ".join(self.employer[0].split()[:2]), "".join(f"<li>{line}</li>" for line in lines) if html else "\n".join(lines)

    def sighting(self, week):
        "One row of `sightings`."
        self.n, dice = self.n + 1, self.rng.random()
        if self.past and dice < EXACT + NEAR:
            title, company, raw = self.rng.choice(self.past)
            if dice > EXACT: raw = raw + "\n" + self.some(1)[0] if dice < EXACT + NEAR / 2 else raw.replace(" and ", " & ", 1)
        else:
            title, company, raw = self.ad()
            self.past.append((title, company, raw))
        return "bench", str(self.n), week, f"https://jobs.example/view/{self.n}?ref=x", title, company, None, raw

    def week(self, n, week):
        "`n` sightings of a week; copies are of the last 20,000 ads."
        self.past = self.past[-20_000:]
        rows = pd.DataFrame([self.sighting(week) for _ in range(n)], columns="source source_id posted_at url title company place raw".split())
        return rows.reindex(columns=TABLES["sightings"].schema.names).astype(object)


def make(root, n):
    "Ten weeks of `n` sightings in all, and an eleventh as large as the tenth part of 100,000."
    writer, store = Writer(), Store(root, stage="bench")
    for week in WEEKS[:-1]: store.write("sightings", writer.week(n // 10, week), week)
    Store(f"{root}/later", stage="bench").write("sightings", writer.week(10_000, WEEKS[-1]), WEEKS[-1])


def spent(seconds, step, begin): seconds[step] = seconds.get(step, 0) + time.process_time() - begin


def ingest(root, weeks, seconds):
    "Clean, fold and cut week by week, as the pipeline does; adds to `seconds`."
    store = Store(root, stage="bench")
    index = Index(store)
    for week in weeks:
        begin = time.process_time()
        sightings = store.read("sightings", week)
        texts, dropped = clean(sightings)
        store.write("texts", texts, week)
        spent(seconds, "clean", begin)
        begin = time.process_time()
        folded = fold(store.read("texts", week).merge(sightings[["source", "source_id", "url"]]), index, week)
        for table, rows in folded.items(): store.write(table, rows, week)
        spent(seconds, "dedup", begin)
        begin = time.process_time()
        store.write("segments", segment_postings(folded["postings"].merge(folded["signatures"][["posting_id"]])), week)
        spent(seconds, "segment", begin)
        begin = time.process_time()
        for text in texts.text: re.findall(r"\w+", text.casefold())
        spent(seconds, "yardstick", begin)


def late(root, seconds):
    "The eleventh week against the index of ten."
    texts = clean(Store(f"{root}/later").read("sightings", WEEKS[-1]))[0]
    texts["url"] = [f"https://jobs.example/view/{i}" for i in texts.source_id]
    begin, store = time.process_time(), Store(root, stage="bench")
    folded = fold(texts, Index(store), WEEKS[-1])
    for table, rows in folded.items(): store.write(table, rows, WEEKS[-1])
    spent(seconds, "dedup", begin)
    begin = time.process_time()
    for text in texts.text: re.findall(r"\w+", text.casefold())
    spent(seconds, "yardstick", begin)


def step(name, root, n):
    "One step in this process: seconds by stage, peak memory, postings."
    seconds = {}
    if name == "make": make(root, n)
    if name == "ingest": ingest(root, WEEKS[:-1], seconds)
    if name == "week": late(root, seconds)
    peak, distinct = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(Store(root).read("signatures", columns=["posting_id"]))
    print(json.dumps({"seconds": seconds, "peak": peak, "distinct": distinct}))


def run(name, root, n):
    "The same in a process of its own."
    done = subprocess.run([sys.executable, __file__, "--step", name, root, str(n)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def line(label, n, found):
    cells = [label, f"{found['distinct']:,}"]
    for stage in ("clean", "dedup", "segment"):
        s = found["seconds"].get(stage)
        cells.append(f"{n / s:,.0f} ({s / found['seconds']['yardstick']:.1f})" if s else "")
    return "| " + " | ".join([*cells, f"{found['peak']:,.0f}"]) + " |"


def main(sizes):
    rows, seconds = [], []
    for n in sizes:
        root = tempfile.mkdtemp()
        run("make", root, n)
        found = run("ingest", root, n)
        seconds.append(found["seconds"])
        rows.append(line(f"{n:,}", n, found))
        print(rows[-1], flush=True)
    rows.append(line(f"10,000 after {sizes[-1]:,}", 10_000, run("week", root, sizes[-1])))
    grown = {s: np.polyfit(np.log(sizes), np.log([t[s] for t in seconds]), 1)[0] for s in ("clean", "dedup", "segment")} if len(sizes) > 1 else {}
    head = "| postings | distinct | clean, a second (× yardstick) | dedup | segment | peak MB |\n|---|---:|---:|---:|---:|---:|\n"
    tail = "\n\nSeconds grow with the number of postings to the power of: " + ", ".join(f"{s} {e:.2f}" for s, e in grown.items()) + ".\n"
    table = head + "\n".join(rows) + tail
    print(table)
    if sizes == [1_000, 10_000, 100_000]: (HERE/"ingest.md").write_text("# ingest\n\n" + __doc__.split("\n\n", 2)[2].strip() + "\n\n" + table, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]: step(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else: main([int(a) for a in sys.argv[1:]] or [1_000, 10_000, 100_000])
