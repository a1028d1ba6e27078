#!/usr/bin/env python
"""How right the sections are: share of labelled spans whose segment is in the label's section.

    python benchmarks/segment.py

Reads the labelled postings in `data/` of the folder named by SKILLNB_SHARED (by default `../shared`
beside the checkout), writes `benchmarks/segment.md`.
"""
import bisect
import hashlib
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from skillnb.cues import OWN
from skillnb.schema import SECTIONS
from skillnb.segment import by_rules, segments

HERE = Path(__file__).resolve().parent
HEAD = """# segment

Share of labelled spans whose segment stands in the section that the label gives, measured on the postings as collected.
The rules were written while looking at four fifths of the {n} labelled postings (`tuned`), and the model that revises them was trained
on those; the other fifth, chosen by a hash of the posting's name, was only counted (`held out`). What the model gives on postings that
neither saw is the held-out row; within the tuned part, five-fold cross-validation over groups of look-alikes gave 0.904 for rules and
model (`nbs/make/sections.ipynb`), where the rules have an advantage. In brackets 95 % bootstrap intervals, by posting. The floor calls
every span `required`, the most frequent section. `inside` is the share of spans that lie within one segment. The labels were made by
language models under a guide; two independent passes of that kind agree on the section of 0.958 of the spans they share.

"""


def find_data():
    "The folder with labels and postings outside the project, or None."
    shared = Path(os.environ.get("SKILLNB_SHARED", HERE.parent.parent/"shared"))
    return next((p for p in (shared/"data", shared) if (p/"labels"/"labels.jsonl").is_file()), None)


def held_out(posting):
    "One posting in five, the same ones for ever."
    return int(hashlib.sha256(posting.encode()).hexdigest(), 16) % 5 == 0


def judged(data):
    "One row a labelled span: posting, part, section by label and by segment, whether it lies inside, its block; seconds a posting; one row a segment."
    rows, seconds, n, cut = [], 0.0, 0, []
    for line in (data/"labels"/"labels.jsonl").read_text(encoding="utf-8").splitlines():
        labelled = json.loads(line)
        text = (data/"postings"/labelled["posting"]).read_bytes().decode("utf-8")
        begin = time.process_time()
        found = segments(text)
        seconds, n = seconds + time.process_time() - begin, n + 1
        starts, ruled = [s.start for s in found], by_rules(text)
        for span in labelled["spans"]:
            at = bisect.bisect_right(starts, span["start"]) - 1
            inside = found[at].start <= span["start"] and span["end"] <= found[at].end
            rows.append((labelled["posting"], "held out" if held_out(labelled["posting"]) else "tuned", span["section"], found[at].section, ruled[at].section, inside, found[at].block))
        cut += [(rows[-1][1], s.block, s.section, s.end - s.start) for s in found]
    return pd.DataFrame(rows, columns=["posting", "part", "label", "segment", "rules", "inside", "block"]), seconds / n, n, pd.DataFrame(cut, columns=["part", "block", "section", "length"])


def accuracy(rows, by="segment", draws=2000, seed=13):
    "Accuracy with its interval: postings drawn with replacement."
    by = rows.assign(right=rows.label == rows[by]).groupby("posting").right.agg(["sum", "size"]).to_numpy()
    picks = np.random.default_rng(seed).integers(0, len(by), (draws, len(by)))
    low, high = np.quantile(by[picks, 0].sum(1) / by[picks, 1].sum(1), (0.025, 0.975))
    return f"{by[:, 0].sum() / by[:, 1].sum():.3f} ({low:.3f} to {high:.3f})"


def report(rows):
    "The two tables, in Markdown."
    lines = ["| part | postings | spans | section right | rules alone | floor | inside |", "|---|---:|---:|---|---|---:|---:|"]
    for part in ("held out", "tuned"):
        r = rows[rows.part == part]
        lines.append(f"| {part} | {r.posting.nunique()} | {len(r):,} | {accuracy(r)} | {accuracy(r, 'rules')} | {(r.label == 'required').mean():.3f} | {r.inside.mean():.4f} |")
    held = rows[rows.part == "held out"]
    lines += ["", "Held out, label (row) against segment (column):", "", "| | " + " | ".join(SECTIONS) + " | recall |", "|---|" + "---:|" * (len(SECTIONS) + 1)]
    for label in SECTIONS:
        counts = held[held.label == label].segment.value_counts().reindex(SECTIONS, fill_value=0)
        lines.append(f"| {label} | " + " | ".join(map(str, counts)) + f" | {counts[label] / counts.sum():.3f} |")
    return "\n".join(lines)


def blocked(rows, cut):
    "How much of the text each block takes, and which labelled spans lie there."
    lines = ["Blocks of the employer's own words, where no skill counts as asked for: their share of the text, and the labelled spans that lie in them. "
             "The patterns were written while looking at the tuned postings; of the held-out ones only the headings were seen.", "",
             "| part | " + " | ".join(OWN) + " | spans in a block |", "|---|" + "---:|" * (len(OWN) + 1)]
    for part in ("held out", "tuned"):
        r, c = rows[rows.part == part], cut[cut.part == part]
        share = c.groupby("block").length.sum() / c.length.sum()
        lines.append(f"| {part} | " + " | ".join(f"{share.get(b, 0):.1%}" for b in OWN) + f" | {r.block.notna().sum()} of {len(r):,} ({r.block.notna().mean():.2%}) |")
    return "\n".join(lines)


def main():
    data = find_data()
    if not data: sys.exit("needs data/labels/labels.jsonl and data/postings outside the project; say where with SKILLNB_SHARED")
    rows, seconds, n, cut = judged(data)
    table = HEAD.format(n=n) + report(rows) + "\n\n" + blocked(rows, cut) + "\n"
    (HERE/"segment.md").write_text(table, encoding="utf-8")
    print(table, f"{1 / seconds:,.0f} postings a second on one core", sep="\n")


if __name__ == "__main__": main()
