"""What labels by a language model cost: requests, tokens and dollars for a thousand postings, measured, at list prices.

    python benchmarks/labels.py

Reads the postings in `postings/` and the labels in `labels/` of the folder named by SKILLNB_SHARED (by default `../shared/data` beside
the checkout). Tokens are counted by `tiktoken` with o200k_base, the tokenizer of gpt-4o: `pip install tiktoken litellm` brings the
program and, in litellm, the vocabulary, whose SHA-256 tiktoken checks; TIKTOKEN_CACHE_DIR may name another folder. Prompts are those
that `skillnb.label` sends; answers are the labels of the same postings written as replies. Writes `benchmarks/labels.md`.
"""
import json
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from skillnb.cli import import_text
from skillnb.config import load
from skillnb.costs import ANSWERED, BYTES_A_TOKEN, Reply, Request, dollars, likely, most, price, price_table, size
from skillnb.embed import embed
from skillnb.flow import run
from skillnb.label import ROOM
from skillnb.prompt import SCHEMA, Bank, fenced, messages, shown
from skillnb.segment import segments
from skillnb.store import Store

HERE = Path(__file__).resolve().parent
MODELS = "gpt-4o", "gpt-4o-mini"
DEFAULT = "6 nearest"
AROUND = 3   # tokens that the chat format puts around a message


def tokenizer():
    "The function that counts tokens; ends the program where the vocabulary is not here."
    if spec := find_spec("litellm"): os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(Path(spec.origin).parent/"litellm_core_utils"/"tokenizers"))
    try:
        import tiktoken
        encoding = tiktoken.get_encoding("o200k_base")
    except Exception as e: sys.exit(f"skipped: no tokenizer ({type(e).__name__}). pip install tiktoken litellm, or set TIKTOKEN_CACHE_DIR to a folder that holds o200k_base")
    return lambda text: len(encoding.encode(text, disallowed_special=()))


def collected(folder):
    "The postings as the stages before `label` leave them: those of distinct ads in English, and how many were collected and are distinct."
    with tempfile.TemporaryDirectory() as root:
        import_text(folder/"postings", root)
        run(load("demo", root=root), "clean", "dedup")
        postings, n = Store(root).read("postings"), len(Store(root).read("sightings"))
    distinct = postings[postings.duplicate_of.isna()]
    return distinct[distinct.language == "en"].text.tolist(), n, len(distinct)


def replies(folder):
    "Each labelled posting with its labels, written as the teacher writes a reply."
    with open(folder/"labels"/"labels.jsonl", encoding="utf-8") as f:
        for line in map(json.loads, f):
            text = (folder/"postings"/line["posting"]).read_bytes().decode("utf-8")
            yield text, right_reply(text, segments(text), line["spans"])


def right_reply(text, found, spans):
    "The labels of a posting, written as the teacher writes a reply."
    reply = {"hard": [], "soft": []}
    for n, s in enumerate(found, 1):
        inside = [p for p in spans if s.start <= p["start"] < s.end]
        for kind in reply:
            for section in dict.fromkeys(p["section"] for p in inside if p["kind"] == kind):
                reply[kind].append({"n": n, "section": section, "words": [text[p["start"]:p["end"]] for p in inside if p["kind"] == kind and p["section"] == section]})
    return json.dumps(reply, ensure_ascii=False, separators=(",", ":"))


def flat_reply(reply):
    "The same reply as a list that repeats number, kind and section for each span."
    return json.dumps({"spans": [{"sentence": line["n"], "text": w, "kind": kind, "section": line["section"]}
                                 for kind, lines in json.loads(reply).items() for line in lines for w in line["words"]]}, ensure_ascii=False, separators=(",", ":"))


def remembered(embed, vectors={}):
    "`embed`, each text once."
    def ask(texts):
        new = [t for t in texts if t not in vectors]
        if new: vectors.update(zip(new, embed(new)))
        return np.array([vectors[t] for t in texts])
    return ask


def schema_tokens(count): return count(json.dumps(SCHEMA, separators=(",", ":")))


def prompt_tokens(count, asked):
    "All tokens of a request, as the provider counts them."
    return sum(count(m["content"]) + AROUND for m in asked) + AROUND + schema_tokens(count)


def cacheable(count, asked, fixed):
    "Tokens of the common beginning that a provider's cache holds: from 1,024 on, in steps of 128."
    prefix = sum(count(m["content"]) + AROUND for m in (asked[:-1] if fixed else asked[:1])) + schema_tokens(count)
    return 0 if prefix < 1024 else prefix - prefix % 128


def measured(count, texts):
    "A row a posting: tokens of its text and of its prompt in each way of showing examples."
    banks = {"none": Bank(shots=0)} | {f"{n} {how}": Bank(shots=n, embed=e) for n in (6, 24) for how, e in (("fixed", None), ("nearest", remembered(embed)))}
    rows, cut = [], [[shown(text[s.start:s.end]) for s in segments(text)] for text in texts]
    for bank in banks.values(): bank.learn([s for sentences in cut for s in sentences])
    for text, sentences in zip(texts, cut):
        row = {"text": count(text), "bytes": len(text.encode())}
        row["numbered"] = count(messages(sentences)[-1]["content"])
        for how, bank in banks.items():
            asked = messages(sentences, bank.show(sentences))
            row |= {f"{how} prompt": prompt_tokens(count, asked), f"{how} cached": cacheable(count, asked, "nearest" not in how)}
            if how != DEFAULT: continue
            request = Request(asked, SCHEMA, ROOM + sum(len(s.encode()) for s in sentences) // 4)
            row |= {"size": size(request), "likely": likely(request, price("gpt-4o")), "most": most(request, price("gpt-4o"))}
        rows.append(row)
    return pd.DataFrame(rows), list(banks)


def usd(rows, how, model, answer, batch, cached):
    "Dollars for a thousand postings."
    cached = rows[f"{how} cached"].mean() if cached else 0
    return 1000 * dollars(Reply(prompt_tokens=rows[f"{how} prompt"].mean(), cached_tokens=cached, completion_tokens=answer), price(model, batch=batch))


def costs(rows, ways, answer):
    "A row a model and way of showing examples."
    for model in MODELS:
        for how in ways:
            yield {"model": model, "examples": how, "requests": "1,000", "tokens asked (thousands)": f"{rows[f'{how} prompt'].mean():,.0f}",
                   "of these cached": f"{rows[f'{how} cached'].mean():,.0f}", "tokens answered (thousands)": f"{answer:,.0f}"} | {
                   f"{'batch' if batch else 'online'}{', cached' if cached else ''}": f"${usd(rows, how, model, answer, batch, cached):.2f}"
                   for batch in (False, True) for cached in (False, True)}


def as_markdown(rows):
    rows = pd.DataFrame(rows)
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in [rows.columns.tolist(), ["---"] * len(rows.columns), *rows.values.tolist()])


TEXT = """# labels

What labels by a language model cost, for a thousand postings, at the list prices of {read_on} in `skillnb/prices.csv`.

Measured on {n} real postings as they were collected. {distinct} are distinct ads, near-duplicates folded, and {asked} of these are in English: those are
asked about, one request each. The table is for a thousand postings that are asked about. A thousand as collected need {per_thousand:.0f} requests.

Tokens are counted with o200k_base, the tokenizer of both models. The mean posting has {text:.0f} tokens; numbered and fenced it has {numbered:.0f}. The schema
is counted with the prompt, as OpenAI bills it. The answer is taken from {labelled} labelled postings, their labels written as a reply: {answer:.0f} tokens on
average. As a flat list of sentence, text, kind and section for each span it would be {flat:.0f}. A teacher may mark more or less than these labels hold.

{table}
*cached*: the common beginning of all prompts (definitions, and the examples where they are the same for all) is found in the provider's cache at every
request; it keeps beginnings of at least 1,024 tokens, in steps of 128. For these models the price list has no cached price in batches: there caching saves
nothing. Examples chosen for each posting end the common beginning after the definitions, and those alone are too short to be cached. In a batch, choosing
costs nothing.

**Under 4 dollars for a thousand postings with gpt-4o?** Whole postings, nothing left out, in a batch, {default} examples:
{prompt:,.0f} x ${p.input:.2f} + {answer:,.0f} x ${p.output:.2f} a million tokens, a thousand times = ${input:.2f} + ${output:.2f} = **${total:.2f}**. For a thousand postings as collected: ${collected:.2f}.
Without a batch, examples fixed and cached: ${online:.2f}.

The forecast that `skillnb label` prints takes {BYTES_A_TOKEN} bytes for a token and {ANSWERED} tokens of answer for one of the posting; measured: {bytes_a_token:.2f} and {answered:.2f}.
Over these postings it is {off:+.0%} off, caching apart. The most that a request could cost, held back from the budget until its bill is known, is {most:.1f} times what it costs.
"""


def report(count, folder):
    "The text of labels.md."
    texts, n, distinct = collected(folder)
    rows, ways = measured(count, texts)
    right = [(text, reply) for text, reply in replies(folder)]
    answer, p = np.mean([count(r) for _, r in right]), price("gpt-4o", batch=True)
    numbered = np.mean([count(fenced([shown(t[s.start:s.end]) for s in segments(t)])) for t, _ in right])
    prompt, online = rows[f"{DEFAULT} prompt"].mean(), usd(rows, DEFAULT, "gpt-4o", answer, False, False)
    total = usd(rows, DEFAULT, "gpt-4o", answer, True, False)
    return TEXT.format(
        read_on=price_table()["gpt-4o"]["read_on"], n=n, distinct=distinct, asked=len(texts), per_thousand=1000 * len(texts) / n, text=rows.text.mean(), numbered=rows.numbered.mean(),
        labelled=len(right), answer=answer, flat=np.mean([count(flat_reply(r)) for _, r in right]), table=as_markdown(costs(rows, ways, answer)), default=DEFAULT, prompt=prompt, p=p,
        input=prompt * p.input / 1000, output=answer * p.output / 1000, total=total, collected=total * len(texts) / n, online=usd(rows, "24 fixed", "gpt-4o", answer, False, True),
        BYTES_A_TOKEN=BYTES_A_TOKEN, ANSWERED=ANSWERED, bytes_a_token=rows["size"].mean() / prompt, answered=answer / numbered,
        off=rows.likely.mean() * 1000 / online - 1, most=rows.most.mean() * 1000 / online)


if __name__ == "__main__":
    folder = Path(os.environ.get("SKILLNB_SHARED", HERE.parent.parent/"shared"))/"data"
    if not folder.is_dir(): sys.exit("skipped: no postings found. Set SKILLNB_SHARED to the folder that holds data/postings and data/labels")
    text = report(tokenizer(), folder)
    (HERE/"labels.md").write_text(text, encoding="utf-8")
    print(text)
