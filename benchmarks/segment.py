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
from scipy.sparse import vstack

from skillnb.cues import OWN
from skillnb.schema import SECTIONS
from skillnb.section import settled, traces
from skillnb.segment import by_rules, segments
from skillnb.train import groups

HERE = Path(__file__).resolve().parent
HEAD = """# segment

Share of labelled spans whose segment stands in the section that the label gives, measured on the postings as collected.
The rules were written while looking at four fifths of the {n} labelled postings (`tuned`), and the model that revises them was trained
on those; the other fifth, chosen by a hash of the posting's name, was only counted (`held out`). What the model gives on postings that
neither saw is the held-out row. `crossed` is the less noisy figure: the same model learned five times, each posting judged by one that
saw neither it nor a look-alike; the rules saw four fifths of them, which is their advantage. In brackets 95 % bootstrap intervals, by
posting. The floor calls every span `required`, the most frequent section. `inside` is the share of spans that lie within one segment.
The labels were made by language models under a guide; two independent passes of that kind agree on the section of 0.958 of the spans
they share.

{few} of the postings bear one and the same section on all of their spans (15 or more, without the aggregator's closing list), most of them
also below headings that say otherwise and beside "is a plus": errors of the labels, by all appearance, which can no longer be mended.
That was seen when the errors were read, held-out ones too, after the model had been settled. They count in every figure of
the first table; the second says what is left without them: {names}.

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


def one_section(labelled, text):
    "Whether a posting's labels name one section from beginning to end, however many headings it has."
    end = text.rfind("Nice-to-have skills")   # the aggregator's list closes it
    named = [s["section"] for s in labelled["spans"] if end < 0 or s["start"] < end]
    return len(named) >= 15 and len(set(named)) == 1


def votes(labelled, found):
    "(pieces, 4): how many spans that begin in a piece have each section."
    starts, vote = [p.start for p in found], np.zeros((len(found), len(SECTIONS)))
    for s in labelled["spans"]: vote[bisect.bisect_right(starts, s["start"]) - 1, SECTIONS.index(s["section"])] += 1
    return vote


def folds(texts, n=5):
    "A number from 0 for each text: look-alikes have the same, and all are about equally frequent."
    of, fold, size = np.array(groups(texts)), np.zeros(len(texts), int), np.zeros(n, int)
    for g in sorted(set(of), key=lambda g: (-(of == g).sum(), g)):
        fold[of == g] = size.argmin()
        size[size.argmin()] += (of == g).sum()
    return fold


def fit(X, vote, C=0.2):
    "The model behind `skillnb.section`, learned from pieces that hold a labelled span."
    from sklearn.linear_model import LogisticRegression
    has = vote.sum(1) > 0
    return LogisticRegression(C=C, max_iter=500).fit(X[has], vote[has].argmax(1), np.sqrt(vote[has].sum(1)))


def crossed(labelled, texts):
    "One row a labelled span: posting, section by label, and by a model that saw neither the posting nor a look-alike."
    ruled = [by_rules(t) for t in texts]
    X, vote = vstack([traces(*of) for of in zip(texts, ruled)]).tocsr(), [*map(votes, labelled, ruled)]
    owner, fold, rows = np.repeat(np.arange(len(texts)), [len(r) for r in ruled]), folds(texts), []
    for k in range(5):
        inside = fold[owner] == k
        model, at = fit(X[~inside], np.concatenate(vote)[~inside]), np.flatnonzero(inside)
        found = iter(model.predict(X[at]))
        for i in np.flatnonzero(fold == k):
            for p, v, section in zip(ruled[i], vote[i], found):
                own = p.section if settled(p) else SECTIONS[section]
                rows += [(labelled[i]["posting"], "crossed", SECTIONS[c], own, p.section) for c, n in enumerate(v) for _ in range(int(n))]
    return pd.DataFrame(rows, columns=["posting", "part", "label", "segment", "rules"])


def accuracy(rows, by="segment", draws=2000, seed=13):
    "Accuracy with its interval: postings drawn with replacement."
    by = rows.assign(right=rows.label == rows[by]).groupby("posting").right.agg(["sum", "size"]).to_numpy()
    picks = np.random.default_rng(seed).integers(0, len(by), (draws, len(by)))
    low, high = np.quantile(by[picks, 0].sum(1) / by[picks, 1].sum(1), (0.025, 0.975))
    return f"{by[:, 0].sum() / by[:, 1].sum():.3f} ({low:.3f} to {high:.3f})"


def report(rows, few):
    "The tables, in Markdown; `few` are the postings with one section throughout."
    head = ["| part | postings | spans | section right | rules alone | floor | inside |", "|---|---:|---:|---|---|---:|---:|"]
    def line(r, part):
        inside = f"{r.inside.mean():.4f}" if r.inside.notna().all() else ""
        return f"| {part} | {r.posting.nunique()} | {len(r):,} | {accuracy(r)} | {accuracy(r, 'rules')} | {(r.label == 'required').mean():.3f} | {inside} |"
    parts, kept = ("held out", "crossed", "tuned"), rows[~rows.posting.isin(few)]
    lines = head + [line(rows[rows.part == p], p) for p in parts] + ["", *head] + [line(kept[kept.part == p], f"{p}, without them") for p in parts]
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
    labelled = [json.loads(line) for line in (data/"labels"/"labels.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = [(data/"postings"/l["posting"]).read_bytes().decode("utf-8") for l in labelled]
    few = [l["posting"] for l, t in zip(labelled, texts) if one_section(l, t)]
    table = HEAD.format(n=n, few=len(few), names=", ".join(f.removesuffix(".txt") for f in few)) + report(pd.concat([rows, crossed(labelled, texts)]), few)
    table += "\n\n" + blocked(rows, cut) + "\n"
    (HERE/"segment.md").write_text(table, encoding="utf-8")
    print(table, f"{1 / seconds:,.0f} postings a second on one core", sep="\n")


if __name__ == "__main__": main()
