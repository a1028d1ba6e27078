"""SkillSpan's two layers: strict F1 on dev of a backbone that was fine-tuned on train, as the paper scores it, over several seeds.

    python benchmarks/skillspan.py                                   # the embedded encoder, five seeds
    python benchmarks/skillspan.py --backbone FOLDER --rate 5e-5     # any other: JobBERT, mpnet, ModernBERT from a local folder or the hub

Reads `train.json` and `dev.json` of the JSON release from `data/skillspan` of the folder named by SKILLNB_SHARED, or --data; a seed that
has its predictions in --out is not trained again. Writes the backbone's rows of `benchmarks/skillspan.csv`, and `skillspan.md`.
"""
import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

import pandas as pd

from skillnb.evaluate import LAYERS, layer_floor, score_layers
from skillnb.models import resolve
from skillnb.train import _arguments, _rates, _tokenizer

HERE = Path(__file__).resolve().parent
LETTERS = ("O", "B", "I")
HEAD = """# skillspan

Strict F1 on SkillSpan's dev (JSON release, HOUSE and TECH together), fine-tuned on its train: seqeval's strict IOB2, one decision a token
at its first sub-word, an I that continues nothing read as B, both layers scored apart. One network, an output of three tags for each layer.
No choice was made on dev: epochs and rate were set before. In brackets the 95 % bootstrap interval of the first seed, by sentence; behind
± the standard deviation over seeds. `floor` marks what train marked, longest match first. Published on the public *test* part (another
part: not the same number): JobBERT 0.525 skill, 0.654 knowledge (110 million parameters); floor there 0.140 and 0.413.

    {command}

"""


def sentences(data):
    "Train and dev as `datasets.Dataset`s, from a folder with the JSON release or from the hub."
    from datasets import load_dataset
    found = load_dataset("json", data_files={p: f"{data}/{p}.json" for p in ("train", "dev")}) if Path(data).is_dir() else load_dataset(data)
    return found["train"], found["dev" if "dev" in found else "validation"]


def tokenised(data, tokenizer):
    "Sentences as pieces, cached by fingerprint; a label is 3 x the tag of knowledge + the tag of skill, at a token's first piece."
    def encode(batch):
        found = tokenizer(batch["tokens"], is_split_into_words=True, truncation=True, max_length=256)
        labels = []
        for i, (hard, soft) in enumerate(zip(batch[LAYERS["hard"]], batch[LAYERS["soft"]])):
            at = found.word_ids(i)
            labels.append([-100 if w is None or w == before else 3 * LETTERS.index(hard[w]) + LETTERS.index(soft[w])
                           for w, before in zip(at, [None, *at])])
        return {**found, "labels": labels, "length": [len(ids) for ids in found["input_ids"]]}
    return data.map(encode, batched=True, remove_columns=data.column_names)


def both_layers(outputs, labels, num_items_in_batch=None):
    "Cross-entropy of the two layers, added."
    from torch.nn.functional import cross_entropy
    logits, labels = outputs.logits.float().flatten(0, 1), labels.flatten()
    logits, labels = logits[labels >= 0], labels[labels >= 0]
    return cross_entropy(logits[:, :3], labels // 3) + cross_entropy(logits[:, 3:], labels % 3)


def predict(trainer, data, tokens):
    "The tags of each sentence: a dict of lists by kind; tokens that were cut off are outside."
    logits, labels, _ = trainer.predict(data)
    out = {kind: [] for kind in LAYERS}
    for words, row, marks in zip(tokens, logits, labels):
        row = row[marks >= 0]
        for kind, part in (("hard", row[:, :3]), ("soft", row[:, 3:])):
            tags = [LETTERS[i] for i in part.argmax(-1)]
            out[kind].append(tags + ["O"] * (len(words) - len(tags)))
    return out


def fine_tuned(where, train, dev, seed, args):
    "What a backbone marks in `dev` after training on `train`."
    import torch
    from transformers import AutoModelForTokenClassification, DataCollatorForTokenClassification, Trainer, set_seed
    set_seed(seed)
    tokenizer = _tokenizer(where)
    model = AutoModelForTokenClassification.from_pretrained(where, num_labels=6, ignore_mismatched_sizes=True)
    model.get_input_embeddings().weight.requires_grad_(False)
    options = _arguments(args.out, args.epochs, args.batch, seed)
    options.report_to = []
    trainer = Trainer(model, options, DataCollatorForTokenClassification(tokenizer), tokenised(train, tokenizer), processing_class=tokenizer,
                      compute_loss_func=both_layers, optimizers=(torch.optim.AdamW(_rates(model, args.rate)), None))
    trainer.train()
    trainer.args.train_sampling_strategy = "random"   # sorting by length would reorder what is predicted too
    return predict(trainer, tokenised(dev, tokenizer), dev["tokens"])


def kept(file, make):
    "Predictions from `file`, made and written first if it is not there."
    if not file.is_file():
        found = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps({k: v[i] for k, v in found.items()}) + "\n" for i in range(len(found["hard"]))))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return {k: [line[k] for line in lines] for k in LAYERS}


def parsed():
    "The command's arguments."
    shared = Path(os.environ.get("SKILLNB_SHARED", HERE.parent.parent/"shared"))
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--backbone", default="embedded", help="embedded, a folder, or a name on the hub")
    p.add_argument("--seeds", type=int, default=5)
    p.add_argument("--epochs", type=float, default=5)
    p.add_argument("--rate", type=float, default=3e-4, help="of the top layer")
    p.add_argument("--batch", type=int, default=32, help="sentences a step")
    p.add_argument("--data", default=str(shared/"data"/"skillspan"), help="a folder with train.json and dev.json, or jjzha/skillspan")
    p.add_argument("--out", type=Path, default=Path("runs/skillspan"), help="where predictions are kept")
    return p.parse_args()


def as_markdown(table, command):
    "One line a backbone and layer."
    lines = ["| backbone | seeds | layer | strict F1 | floor |", "| --- | --- | --- | --- | --- |"]
    for (backbone, metric), rows in table.groupby(["backbone", "metric"], sort=False):
        first, spread = rows.iloc[0], f" ± {rows.value.std():.3f}" if len(rows) > 1 else ""
        lines.append(f"| {backbone} | {len(rows)} | {metric.split()[-1]} | {rows.value.mean():.3f}{spread} [{first.low:.3f}, {first.high:.3f}] | {first.floor:.3f} |")
    return HEAD.format(command=command) + "\n".join(lines) + "\n"


if __name__ == "__main__":
    args = parsed()
    if args.data.startswith(("/", ".")) and not Path(args.data, "train.json").is_file():
        sys.exit(f"skipped: no SkillSpan in {args.data}. Name a folder with train.json and dev.json by --data")
    train, dev = sentences(args.data)
    where, right = resolve(args.backbone), dev.to_list()
    floor = score_layers(right, layer_floor(train.to_list(), right), "dev", "floor").value.tolist()
    name = "all-MiniLM-L6-v2" if args.backbone == "embedded" else Path(args.backbone).name
    mark = hashlib.sha256(f"{args.epochs} {args.rate} {args.batch}".encode()).hexdigest()[:6]
    found = [kept(args.out/f"{name}-{mark}-seed{s}.jsonl", lambda: fine_tuned(where, train, dev, s, args)) for s in range(1, args.seeds + 1)]
    rows = pd.concat([score_layers(right, f, "dev", name).assign(seed=s, floor=floor) for s, f in enumerate(found, 1)])
    rows = rows.assign(backbone=name, epochs=args.epochs, rate=args.rate, batch=args.batch).drop(columns=["dataset", "model"])
    table = HERE/"skillspan.csv"
    if table.is_file(): rows = pd.concat([(old := pd.read_csv(table))[old.backbone != name], rows])
    rows.round(4).to_csv(table, index=False)
    text = as_markdown(rows, "python benchmarks/skillspan.py")
    (HERE/"skillspan.md").write_text(text, encoding="utf-8")
    print(text)
