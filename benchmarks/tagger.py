"""How right the shipped tagger is: strict span F1 on the frozen fifth of the labelled postings.

    python benchmarks/tagger.py

Reads the labelled postings in `labels/` and `postings/` of the folder named by SKILLNB_SHARED
(by default `../shared/data` beside the checkout), writes `benchmarks/tagger.md`.
"""
import os
import sys
from pathlib import Path

import pandas as pd

from skillnb.clean import language
from skillnb.evaluate import _spans, counts, difference, memory, read_labels, score, slices
from skillnb.models import card, shipped_tagger
from skillnb.tag import Tagger
from skillnb.train import digests, frozen

HERE = Path(__file__).resolve().parent
HEAD = """# tagger

Strict span F1 (exact boundaries and kind) of the shipped tagger on postings that no training saw: a fifth of {n} labelled
postings, taken out in groups so that near-duplicates and one employer's look-alikes stand on one side. Relaxed F1 counts overlaps.
In brackets 95 % bootstrap intervals, by posting. The floor marks every string that was marked in training more often than not, longest
match first. Other years and other sources were not measured here. How the recipe was chosen: `recipes.md`; SkillSpan: `skillspan.md`.
The labels were made by language models under a guide; two independent passes of that kind agree at 0.95 (hard) and 0.80 (soft).

"""


def find_labels():
    "The labels file outside the project, or None."
    shared = Path(os.environ.get("SKILLNB_SHARED", HERE.parent.parent/"shared"))
    return next((p for p in (shared/"data"/"labels"/"labels.jsonl", shared/"labels"/"labels.jsonl") if p.is_file()), None)


def measure(path):
    "Rows of `scores` for the shipped tagger and the floor, rows of its slices, and what they were measured on in words."
    data, known = read_labels(path), set(card(shipped_tagger())["trained_on"])
    seen, unseen = data[[d in known for d in digests(data.text)]], data[frozen(data)]
    if known & set(digests(unseen.text)): sys.exit("expected a tagger that has not seen the frozen postings, found some on its card. Train it again")
    texts, gold, tagger = unseen.text.tolist(), unseen.gold.tolist(), Tagger()
    trained, english = (seen.text.tolist(), seen.gold.tolist()), [i for i, t in enumerate(texts) if language(t) == "en"]
    sides = {tagger.name: _spans(tagger(texts)), "floor (memory)": memory(*trained)(texts)}
    found, floor = sides.values()
    gain, low, high = difference(counts(gold, found), counts(gold, floor), "hard")
    words = (f"{len(unseen)} frozen postings with {sum(map(len, gold))} spans; {len(seen)} others were trained on. "
             f"Above the floor (hard, strict): {gain:+.3f} [{low:+.3f}, {high:+.3f}].")
    rows = pd.concat([score("frozen", gold, spans, name) for name, spans in sides.items()])
    parts = [score("frozen", [gold[i] for i in english], [spans[i] for i in english], name).assign(metric=lambda r: r.metric + " in English postings")
             for name, spans in sides.items()]
    parts += [slices(texts, gold, spans, trained, name) for name, spans in sides.items()]
    return rows, pd.concat(parts), words, len(data)


def _figure(r): return f"{r.value:.3f} [{r.low:.3f}, {r.high:.3f}]"


def as_markdown(rows):
    "One line a model and kind: strict with interval, relaxed with interval."
    words = rows.metric.str.split()
    rows = rows.assign(figure=[_figure(r) for r in rows.itertuples()], how=words.str[0], kind=words.str[-1])
    table = rows.pivot(index=["model", "kind", "n"], columns="how", values="figure").reset_index()
    table = table[["model", "kind", "n", "strict", "relaxed"]]
    lines = [table.columns.tolist(), ["---"] * 5, *table.astype(str).values.tolist()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def parts_as_markdown(rows):
    "One line a slice and kind: strict F1 of the tagger and of the floor."
    rows = rows[rows.metric.str.startswith("strict") & ~rows.metric.str.contains("micro")]
    table = rows.assign(figure=[_figure(r) for r in rows.itertuples()]).pivot(index=["metric", "n"], columns="model", values="figure").reset_index()
    lines = [["strict F1 of", "n", *table.columns[2:]], ["---"] * len(table.columns), *table.astype(str).values.tolist()]
    return "".join(f"| {' | '.join(line).replace('strict f1 ', '')} |\n" for line in lines)


if __name__ == "__main__":
    path = find_labels()
    if path is None: sys.exit("skipped: no labelled postings found. Set SKILLNB_SHARED to the folder that holds data/labels/labels.jsonl")
    rows, parts, words, n = measure(path)
    text = HEAD.format(n=n) + as_markdown(rows) + "\n" + words + "\n\n" + parts_as_markdown(parts)
    (HERE/"tagger.md").write_text(text, encoding="utf-8")
    print(text)
