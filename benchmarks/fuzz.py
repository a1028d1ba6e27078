#!/usr/bin/env python
"""The readers of `tests/readers.py` under atheris, which follows the code that each input reaches. `pip install atheris` first.

    python benchmarks/fuzz.py MINUTES [NAME]   # readers whose name holds NAME, in turn; executions add up in fuzz.csv

Ends after its time or on SIGTERM; an input that a reader cannot take is kept beside the corpus, and its error printed."""
import csv
import json
import os
import signal
import sys
import time
from copy import deepcopy
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent/"tests"))
TABLE, TURN, BATCH = HERE/"fuzz.csv", 2, 500   # seconds of processor time in a turn; harvests that are settled together
NASTY = ["", "0", "-1", "1e400", "²", "\x00", "\ud800", "<script>", "../../x", "2026-13-45", "9" * 5000, "=1+1", "'", '"', "None", "true"]
ODD = [None, True, False, 0, -1, 10 ** 40, 1e308, float("inf"), float("nan"), [], {}, [[]], [None], {"": None}, *NASTY]


# bytes as values

def text(data): return data.decode("utf-8", "surrogateescape")


def ways(shape, at=()):
    "The paths to all values inside, containers too."
    for k, v in shape.items() if isinstance(shape, dict) else enumerate(shape) if isinstance(shape, list) else ():
        yield (*at, k)
        yield from ways(v, (*at, k))


def value(kind, data):
    "Any value: an odd one, a text, a number, a list, or whatever JSON the bytes are."
    if kind < 64: return deepcopy(ODD[kind % len(ODD)])
    if kind < 160: return text(data)
    if kind < 192: return int.from_bytes(data[:8], "big", signed=True)
    if kind < 224: return [text(part) for part in data.split(b"\0")]
    try: return json.loads(data)
    except (ValueError, RecursionError): return {text(data[:3]): text(data[3:])}


def altered(shape):
    "What makes `shape` with some of its values exchanged or gone from bytes; 0xff, which no text holds, ends a change."
    paths, whole = list(ways(shape)), json.dumps(shape)
    def made(data):
        row = json.loads(whole)
        for change in data.split(b"\xff")[:8]:
            if len(change) < 2: continue
            *way, last = paths[change[0] % len(paths)]
            inside = row
            try:
                for k in way: inside = inside[k]
                if change[1] > 250: del inside[last]
                else: inside[last] = value(change[1], change[2:])
            except (KeyError, IndexError, TypeError): pass   # an earlier change took it away
        return row
    return made


def said(shape):
    "What makes the JSON text of an altered `shape`, or the bytes as they are when they begin with a bracket."
    make = altered(shape)
    return lambda data: text(data) if data[:1] in b"{[" else json.dumps(make(data))


def flipped(whole):
    "What makes a file with some bytes exchanged, or cut short."
    def made(data):
        out = bytearray(whole)
        for i in range(0, len(data) - 2, 3): out[int.from_bytes(data[i:i + 2], "big") % len(out)] ^= data[i + 2]
        return bytes(out[:int.from_bytes(data[-2:], "big") % len(out)] if len(data) % 3 == 2 else out)
    return made


def parted(*makers):
    "What makes several values of bytes parted by 0xfe."
    def made(data):
        parts = data.split(b"\xfe")
        return tuple(make(parts[i] if i < len(parts) else b"") for i, make in enumerate(makers))
    return made


def readers():
    "name -> (reader, what makes its arguments of bytes, seeds)."
    import readers as r
    row, number = altered(r.AD), lambda data: 100 + int.from_bytes(data[:2], "big") % 500
    headers = lambda data: dict(zip(("X-RateLimit-Jobs-Remaining", "x-ratelimit-requests-limit", "retry-after"), map(text, data.split(b"\0"))))
    pairs = lambda data: [text(p) for p in data.split(b"\0")[:3]]
    environ = lambda data: {k: text(v) for k, v in zip(("SKILLNB_TRENDS__FLOOR", "SKILLNB_FETCH__SOURCES", "SKILLNB_X"), data.split(b"\0") if data else ())}
    kind, finish = (lambda data: "soft" if data else "hard"), lambda data: text(data) if data else "stop"
    raw, one = (lambda data: data), lambda make: lambda data: (make(data),)
    return {f"row of {board}": (r.row, lambda data, b=board: (row(data), b), [b"\x02\x40Data Scientist"]) for board in r.BOARDS} | {
        "reply of a board": (r.reply, parted(lambda data: said({"message": "x", "jobs": [r.STORY]})(data).encode("utf-8", "surrogateescape"), number, headers), [b"\xfe\x00\x64\xfe0\x005\x0030", b'[{"id": 1}]\xfe\x00\x64']),
        "thread": (r.thread, parted(text, lambda data: [altered(r.STORY)(data)]), [r.COMMENT.encode()]),
        "line of a file": (r.lines, parted(lambda data: said(r.LINE)(data).encode("utf-8", "surrogateescape"), text), [b"\x02\x40x", b'{"text": "a"}\xfetext=description,title=title']),
        "parquet file": (r.parquet, one(flipped(r.sound_parquet())), [b"\0\0\1"]),
        "text file": (r.text_file, one(raw), [r.HTML.encode(), b"\xff"]),
        "text": (r.text, one(text), [r.HTML.encode(), b"Requirements\n- Python, SQL\n- 5+ years\n\nBenefits\n- money"]),
        "sighting": (lambda content: content, one(text), [r.HTML.encode()]),
        "name": (r.name, parted(text, kind), [b"Python", b"team player\xfe1"]),
        "reply with labels": (r.labels, parted(said(r.REPLY), finish), [b"\0\xf0[]", json.dumps(r.REPLY).encode()]),
        "reply with names": (r.regions, one(said(r.NAMED)), [b"\0\xf0[]", json.dumps(r.NAMED).encode()]),
        "completion": (r.completion, parted(altered(r.COMPLETION), said(r.BATCH)), [b"\0\xf0[]", b"\xfe" + json.dumps(r.BATCH).encode()]),
        "kept reply": (r.kept, one(said(r.KEPT)), [b"\0\xf0[]"]),
        "settings": (r.settings, parted(pairs, environ), [b"trends.floor=10\0fetch.sources=hn,\"a\"\xfe10\0[\"hn\"]", *(f"{n}=1".encode() for n in r.SETTINGS)]),
        "profile": (r.profile, one(raw), [r.PROFILE.encode()]),
        "review": (r.reviewed, one(text), [r.REVIEW.encode()]),
        "decisions": (r.decided, one(text), [r.DECISIONS.encode()]),
        "manifest": (r.manifest, one(said(r.MANIFEST)), [b"\0\xf0[]", json.dumps(r.MANIFEST).encode()]),
        "model folder": (r.model, parted(said(r.CARD), said(r.CROWNED), raw), [b"\0\xf0[]\xfe\0\xf0[]", json.dumps(r.CARD).encode()]),
        "record of a run": (r.record, one(said(r.RUN)), [b"\0\xf0[]"])}


class Taker:
    "A reader as atheris calls it, for so many seconds of processor time; what it gives is settled many at a time, and one by one when that fails."
    def __init__(self, reader, make, settle, tell):
        self.reader, self.make, self.settle, self.tell, self.held, self.n, self.until = reader, make, settle, tell, [], 0, time.process_time() + TURN

    def __call__(self, data):
        if (found := self.reader(*self.make(data))) is not None: self.held.append(found)
        self.n += 1
        over = not self.n % 64 and time.process_time() > self.until
        if over or len(self.held) >= BATCH: self.settled()
        if over: os.write(self.tell, str(self.n).encode()); os._exit(0)

    def settled(self):
        held, self.held = self.held, []
        try: held and self.settle(held)
        except Exception:
            for one in held:
                try: self.settle([one])
                except Exception as e: raise AssertionError(f"{e!r}: {one!r}") from e
            raise


def turn(name, found, corpus):
    "(executions, what it says when it failed) of a child process, which atheris never gives back."
    import atheris
    import readers as r
    (place := corpus/name.replace(" ", "-")).mkdir(parents=True, exist_ok=True)
    reader, make, seeds = found
    for n, seed in enumerate(seeds): (place/f"seed-{n}").write_bytes(seed)
    (read, write), log = os.pipe(), open(f"{place}.log", "w+", errors="replace")
    if not (child := os.fork()):
        os.dup2(log.fileno(), 1); os.dup2(log.fileno(), 2)
        options = "-max_len=2000", "-timeout=600", "-rss_limit_mb=4000", f"-artifact_prefix={place}-"
        atheris.Setup([sys.argv[0], str(place), *options], Taker(reader, make, r.sightings if name == "sighting" else r.settle, write))
        atheris.Fuzz()
    os.close(write)
    status = os.waitpid(child, 0)[1]
    log.seek(0)
    with os.fdopen(read) as said: return int(said.read() or 0), log.read()[-3000:] if status else ""


def added(name, executions, seconds):
    "Add to the table; all executions so far."
    rows = {r["reader"]: r for r in csv.DictReader(TABLE.open(encoding="utf-8"))} if TABLE.exists() else {}
    old = rows.get(name, {"executions": 0, "cpu_seconds": 0})
    rows[name] = {"reader": name, "executions": int(old["executions"]) + executions, "cpu_seconds": int(old["cpu_seconds"]) + seconds}
    with TABLE.open("w", newline="", encoding="utf-8") as f:
        out = csv.DictWriter(f, ["reader", "executions", "cpu_seconds"], lineterminator="\n")
        out.writeheader()
        out.writerows(rows[k] for k in sorted(rows))
    return sum(int(r["executions"]) for r in rows.values())


def main(minutes, part=""):
    "Every reader in turn until the time is over; the last turn ends by itself."
    import atheris
    with atheris.instrument_imports(include=["skillnb"]): found = {n: f for n, f in readers().items() if part in n}
    os.nice(19)
    until, over = time.monotonic() + 60 * float(minutes), []
    signal.signal(signal.SIGTERM, lambda *_: over.append(True))
    while found and time.monotonic() < until and not over:
        for name in list(found):
            if over or time.monotonic() > until: break
            n, failed = turn(name, found[name], HERE/"fuzz-corpus")
            print(f"{name}: {n:,}; {added(name, n, TURN if n else 0):,} in all", flush=True)
            if failed: del found[name]; print("FAILED\n" + failed, flush=True)


if __name__ == "__main__": main(*sys.argv[1:])
