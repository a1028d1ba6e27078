#!/usr/bin/env python
"""What `skillnb.text` finds of personal data, on sentences written for it, and how its time grows with hostile input.

    python benchmarks/privacy.py

`privacy.csv` holds sentences in which addresses, telephone numbers, names and profiles are marked as ⟦kind:…⟧, and look-alikes without
any. Persons, domains and numbers are fictional or reserved. A mark counts as right when the text has as many of its kind as were planted;
a sentence counts as exact when nothing else changed either. Every third sentence was held out: the rules were written looking at the
others only, and the misses among these were never looked at. One author wrote sentences and rules, so that real ads will do worse.
The second table cleans hostile text of 100 kB and of 1 MB: the ratio should be near 10. Writes `benchmarks/privacy.md`.
"""
import csv
import re
import time
from collections import Counter
from pathlib import Path

from skillnb.clean import clean_text
from skillnb.text import plain, text_of, tidy, visible

HERE = Path(__file__).resolve().parent
PLANTED, MARK = re.compile("⟦(\\w+):(.*?)⟧", re.S), re.compile(r"\[(email|phone|name|profile)\]")
HOSTILE = {"one line of words": "We use Python. ", "<": "<", "(at)": "(at)", "digits": "7", "digits and blanks": "1 ", "jane@": "jane@", "Contact": "Contact Jane ",
           "Dr.": "Dr. ", "&amp;": "amp;", "<li>": "<li>", "bullets": "<li>•", "cells": "<td>", "[email]": "[email] A B ", "one word": "x"}


def judged(text):
    "(right, wrong, missed) marks by kind, and whether the text is exact."
    want, got = tidy(visible(text_of(PLANTED.sub(r"[\1]", text)))), plain(PLANTED.sub(r"\2", text))
    w, g = Counter(MARK.findall(want)), Counter(MARK.findall(got))
    return w & g, g - w, w - g, got == want


def rates(texts):
    "One line of the table: precision and recall by kind and together."
    found = [judged(t) for t in texts]
    right, wrong, missed = (sum((f[i] for f in found), Counter()) for i in range(3))
    cells = [f"{right[k]} / {wrong[k]} / {missed[k]}" for k in ("email", "phone", "name", "profile")]
    r, w, m = right.total(), wrong.total(), missed.total()
    return [len(texts), *cells, f"{r / (r + w):.3f}", f"{r / (r + m):.3f}", f"{sum(f[3] for f in found)} of {len(texts)}"]


def seconds(text):
    "Processor time of cleaning it, the best of two."
    def once():
        begin = time.process_time()
        clean_text(text)
        return time.process_time() - begin
    return min(once(), once())


def grown(unit):
    "How many times longer 1 MB takes than 100 kB."
    head = "&" if unit == "amp;" else ""
    return seconds(head + unit * (1_000_000 // len(unit))) / seconds(head + unit * (100_000 // len(unit)))


def table(head, rows): return "\n".join("| " + " | ".join(map(str, r)) + " |" for r in [head, ["---"] * len(head), *rows]) + "\n"


def main():
    with open(HERE/"privacy.csv", encoding="utf-8", newline="") as f: rows = list(csv.DictReader(f))
    parts = {p: [r["text"] for r in rows if r["part"] == p] for p in ("held out", "tuned on")} | {"all": [r["text"] for r in rows]}
    found = table(["sentences", "number", "email", "phone", "name", "profile", "precision", "recall", "exact"], [[p, *rates(t)] for p, t in parts.items()])
    times = table(["1 MB of", "× the time of 100 kB"], [[f"`{n}`", f"{grown(u):.0f}"] for n, u in HOSTILE.items()])
    out = "# privacy\n\n" + __doc__.split("\n\n", 2)[2].strip() + "\n\nKinds: right / wrong / missed.\n\n" + found + "\n" + times
    (HERE/"privacy.md").write_text(out, encoding="utf-8")
    print(out)


if __name__ == "__main__": main()
