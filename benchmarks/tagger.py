"""How right the shipped tagger is: strict span F1 on the frozen fifth of the labelled postings.

    python benchmarks/tagger.py

Reads the labelled postings in `labels/` and `postings/` of the folder named by SKILLNB_SHARED
(by default `../shared/data` beside the checkout), writes `benchmarks/tagger.md`.
"""
import os
import sys
from pathlib import Path

import pandas as pd

from skillnb.evaluate import _spans, counts, difference, memory, read_labels, score
from skillnb.models import card, shipped_tagger
from skillnb.tag import Tagger
from skillnb.train import digests, frozen

HERE = Path(__file__).resolve().parent
HEAD = """# tagger

Strict span F1 (exact boundaries and kind) of the shipped tagger on postings that no training saw: a fifth of {n} labelled
postings, taken out in groups so that near-duplicates and one employer's look-alikes stand on one side. Relaxed F1 counts overlaps.
In brackets 95 % bootstrap intervals, by posting. The floor marks every string that was marked in training, longest match first.
The labels were made by language models under a guide; two independent passes of that kind agree at 0.95 (hard) and 0.80 (soft).

"""


def find_labels():
    "The labels file outside the project, or None."
    shared = Path(os.environ.get("SKILLNB_SHARED", HERE.parent.parent/"shared"))
    return next((p for p in (shared/"data"/"labels"/"labels.jsonl", shared/"labels"/"labels.jsonl") if p.is_file()), None)


def measure(path):
    "Rows of `scores` for the shipped tagger and the floor, and what they were measured on in words."
    data = read_labels(path)
    apart = frozen(data)
    seen, unseen = data[~apart], data[apart]
    overlap = set(card(shipped_tagger())["trained_on"]) & set(digests(unseen.text))
    if overlap: sys.exit(f"expected a tagger that has not seen the frozen postings, found {len(overlap)} on its card. Train it again")
    texts, gold, tagger = unseen.text.tolist(), unseen.gold.tolist(), Tagger()
    found, floor = _spans(tagger(texts)), memory(seen.text.tolist(), seen.gold.tolist())(texts)
    gain, low, high = difference(counts(gold, found), counts(gold, floor), "hard")
    words = (f"{len(unseen)} frozen postings with {sum(map(len, gold))} spans; {len(seen)} others to train on. "
             f"Above the floor (hard, strict): {gain:+.3f} [{low:+.3f}, {high:+.3f}].")
    return pd.concat([score("frozen", gold, found, tagger.name), score("frozen", gold, floor, "floor (memory)")]), words, len(data)


def as_markdown(rows):
    "One line a model and kind: strict with interval, relaxed with interval."
    words = rows.metric.str.split()
    rows = rows.assign(figure=[f"{r.value:.3f} [{r.low:.3f}, {r.high:.3f}]" for r in rows.itertuples()], how=words.str[0], kind=words.str[-1])
    table = rows.pivot(index=["model", "kind", "n"], columns="how", values="figure").reset_index()
    table = table[["model", "kind", "n", "strict", "relaxed"]]
    lines = [table.columns.tolist(), ["---"] * 5, *table.astype(str).values.tolist()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    path = find_labels()
    if path is None: sys.exit("skipped: no labelled postings found. Set SKILLNB_SHARED to the folder that holds data/labels/labels.jsonl")
    rows, words, n = measure(path)
    text = HEAD.format(n=n) + as_markdown(rows) + "\n" + words + "\n"
    (HERE/"tagger.md").write_text(text, encoding="utf-8")
    print(text)
