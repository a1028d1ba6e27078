"""What a training recipe is worth: strict span F1 on one fold of the labelled postings that are not frozen.

    python benchmarks/recipes.py train NAME --pieces 512 --rate 3e-4 --epochs 6    # a model, kept in --out; every other epoch is measured
    python benchmarks/recipes.py train NAME --start NAME NAME --epochs 2           # goes on from the mean of two models' weights
    python benchmarks/recipes.py compare NAME NAME                                 # each, their mean, the mean of their weights, unlikely spans left out

Reads labelled postings as `benchmarks/tagger.py` does. Frozen postings are never read; --fold -1 trains on all others and measures nothing. The figures it gave are in `recipes.md`.
"""
import argparse
import random
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from skillnb.calibrate import calibration, likely
from skillnb.clean import language
from skillnb.evaluate import counts, f1, interval, labels_file, read_labels
from skillnb.models import embedded_encoder
from skillnb.spans import TAGS, best_paths, decode, learn_moves, lines, moves, windows, words
from skillnb.train import _has_bf16, _line_tags, _model, _rates, _tokenizer, examples, frozen, groups


def folds(n=5):
    "The postings that may be trained on, with their fold: groups whole, folds of equally many spans."
    data = read_labels(labels_file())
    data = data.assign(group=groups(data.text.tolist()))[~frozen(data)].reset_index(drop=True)
    of, load = {}, [0] * n
    for group, spans in data.gold.map(len).groupby(data.group).sum().sort_values(ascending=False, kind="stable").items():
        of[group] = k = int(np.argmin(load))
        load[k] += spans
    return data.assign(fold=data.group.map(of))


def labels_of(data):
    "Spans as `examples` takes them."
    return pd.DataFrame([(p.posting_id, *s[:3]) for p in data.itertuples() for s in p.gold], columns=["posting_id", "start", "end", "kind"])


def batches(rows, pieces, rng):
    "Windows of similar length together, at most `pieces` with padding, in random order."
    out, batch = [], []
    for r in sorted(rows, key=lambda r: -len(r["input_ids"]) - rng.random() * 8):
        if batch and (len(batch) + 1) * max(len(batch[0]["input_ids"]), len(r["input_ids"])) > pieces: out.append(batch); batch = []
        batch.append(r)
    out.append(batch)
    rng.shuffle(out)
    return out


def logits(model, rows):
    "What the model says of each piece of a batch, padded: (windows, pieces, tags)."
    import torch
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(r["input_ids"]) for r in rows], batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones(len(r["input_ids"]), dtype=torch.long) for r in rows], batch_first=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=_has_bf16()): return model(input_ids=ids, attention_mask=mask).logits.float()


def probabilities(model, texts, tokenizer):
    "Probability of each tag for each word of each text."
    import torch
    out, found = [], []
    for i, t in enumerate(texts):
        split = words(t)
        out.append(np.tile(np.eye(len(TAGS))[0], (len(split), 1)))
        found += [(i, w) for w in windows(t, split, tokenizer)]
    found.sort(key=lambda x: -len(x[1].ids))
    model.eval()
    with torch.inference_mode():
        for at in range(0, len(found), 16):
            p = logits(model, [{"input_ids": w.ids} for _, w in found[at:at + 16]]).softmax(-1).numpy()
            for (i, w), row in zip(found[at:at + 16], p): out[i][w.words] = row[w.first]
    return out


def mean(states):
    "The mean of several models' weights."
    return {k: sum(s[k] for s in states) / len(states) for k in states[0]}


def trained(train, args, tell):
    "A model trained on `train`; `tell(epoch, model)` hears of every other epoch."
    import torch
    torch.manual_seed(args.seed)
    rng, model, tokenizer, labels = random.Random(args.seed), _model(embedded_encoder()), _tokenizer(embedded_encoder()), labels_of(train)
    if args.start: model.load_state_dict(mean([torch.load(args.out/f"{n}.pt") for n in args.start]))
    optimizer = torch.optim.AdamW(_rates(model, args.rate), fused=True)
    total = args.epochs * len(batches(examples(train, labels, tokenizer), args.pieces, random.Random(0)))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(s / (.1 * total), max(0, (total - s) / (.9 * total))))
    for epoch in range(1, args.epochs + 1):
        model.train()
        for rows in batches(examples(train, labels, tokenizer, seed=rng.random()), args.pieces, rng):
            target = torch.nn.utils.rnn.pad_sequence([torch.tensor(r["labels"]) for r in rows], batch_first=True, padding_value=-100)
            torch.nn.functional.cross_entropy(logits(model, rows).flatten(0, 1), target.flatten()).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step(); schedule.step(); optimizer.zero_grad()
        if epoch % 2 == 0 or epoch == args.epochs: tell(epoch, model)
    return model


def decoded(data, train, probabilities, weight=0.4):
    "The spans of each text; moves are learnt from `train`."
    start, move = moves(list(TAGS), learn_moves(_line_tags(train, labels_of(train)), weight))
    found = []
    for t, p in zip(data.text, probabilities):
        split, spans = words(t), []
        ranges = lines(t, split)
        for r, best in zip(ranges, best_paths([p[r.start:r.stop] for r in ranges], start, move)):
            spans += decode(split[r.start:r.stop], [TAGS[i] for i in best], p[r.start:r.stop][np.arange(len(best)), best].tolist())
        found.append(spans)
    return found


def scored(data, found):
    "Strict F1 of hard and soft, hard of English postings alone, and relaxed F1, as a line."
    gold, english = data.gold.tolist(), [i for i, t in enumerate(data.text) if language(t) == "en"]
    strict, relaxed = counts(gold, found), counts(gold, found, relaxed=True)
    some = counts([gold[i] for i in english], [found[i] for i in english])
    figures = [f"{f1(strict, k):.4f} [{', '.join(f'{x:.3f}' for x in interval(strict, k))}]" for k in ("hard", "soft", "micro")]
    return " | ".join([*figures, f"{f1(some, 'hard'):.4f}", f"{f1(relaxed, 'hard'):.4f}"])


def sure(data, found):
    "Without unlikely spans; what calibrates one half of the postings was fitted on the other."
    gold, halves = data.gold.tolist(), [range(h, len(data), 2) for h in (0, 1)]
    by = [calibration([found[i] for i in half], [gold[i] for i in half])[0] for half in halves]
    return [likely(spans, by[1 - i % 2]) for i, spans in enumerate(found)]


def parsed():
    "The command's arguments."
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("what", choices=["train", "compare"])
    p.add_argument("names", nargs="+")
    for name, kind, default in (("pieces", int, 512), ("rate", float, 3e-4), ("epochs", int, 6), ("fold", int, 0), ("seed", int, 13)):
        p.add_argument(f"--{name}", type=kind, default=default)
    p.add_argument("--start", nargs="+", help="models to go on from; else the embedded encoder")
    p.add_argument("--out", type=Path, default=Path("runs/recipes"))
    return p.parse_args()


if __name__ == "__main__":
    import torch
    args, data = parsed(), folds()
    train, test = data[data.fold != args.fold], data[data.fold == args.fold]
    tokenizer, begun = _tokenizer(embedded_encoder()), time.time()
    row = lambda name, found: print(f"| {name} | {scored(test, found)} | {time.time() - begun:.0f} s |", flush=True)
    say = lambda name, p: row(name, decoded(test, train, p))
    args.out.mkdir(parents=True, exist_ok=True)
    print(f"| fold {args.fold}, {len(test)} postings | hard | soft | both | hard, English | hard, relaxed | since start |\n|---|---|---|---|---|---|---|")
    if args.what == "train":
        tell = lambda epoch, model: say(f"{args.names[0]}, epoch {epoch}", probabilities(model, test.text, tokenizer)) if len(test) else None
        model = trained(train, args, tell)
        torch.save(model.state_dict(), args.out/f"{args.names[0]}.pt")
        sys.exit()
    kept, model, each = [torch.load(args.out/f"{n}.pt") for n in args.names], _model(embedded_encoder()), []
    for name, weights in zip(args.names, kept):
        model.load_state_dict(weights)
        each.append(probabilities(model, test.text, tokenizer))
        say(name, each[-1])
    say("mean of what they say", [sum(p) / len(p) for p in zip(*each)])
    model.load_state_dict(mean(kept))
    found = decoded(test, train, probabilities(model, test.text, tokenizer))
    row("mean of their weights", found)
    row("without unlikely spans", sure(test, found))
