#!/usr/bin/env python
"""Runs that are killed at random moments, started again, and compared with one that nobody disturbed.

    python benchmarks/kill.py            # until benchmarks/kill.csv holds 200 kills: goes on where it was stopped; writes benchmarks/kill.md
    python benchmarks/kill.py 20 SEED    # so many in a folder of their own; writes nothing

Twelve short postings of two days, a teacher that is a server on loopback, and every stage from fetch to report. SIGKILL hits either the run alone,
whose notebook then dies as an orphan, or all its processes at once, as when a machine stops. How long a run may live is drawn anew each time, up to
about two stages. Runs and their notebooks are forked from a process that has the libraries loaded (`tests/warm.py`), so that most moments are moments
of work; one run in ten is `skillnb run` as anybody starts it, with Jupyter kernels, and lives ten times as long. When one comes to its end, its tables,
its models and its site are compared with the undisturbed run's, and a new store is begun.
"""
import collections
import csv
import hashlib
import json
import random
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psutil

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent/"tests"))
import warm
from openai_server import Server, mark

from skillnb.flow import STAGES
from skillnb.schema import TABLES
from skillnb.store import Store

WORDS = ("Python", "SQL", "Kubernetes", "PyTorch", "Spark", "teamwork", "Docker", "Airflow")
PLAIN = ("garden river engine market summer window paper silver bridge winter travel kitchen orange number village station forest harbour letter doctor "
         "painter morning evening picture journey mountain island valley castle planet weather season colour mirror bottle basket candle ladder").split()
SETTINGS = ("fetch.sources=text", "label.examples=fixed", "label.max_postings=6", "label.price_input=2.5", "label.price_cached=1.25", "label.price_output=10",
            "train.max_windows=2", "train.epochs=0.2", "map.clusters=2", "map.neighbors=2", "trends.floor=2")
TIMED = {"runs", "calls", "requests"}   # say when or how long; what a request cost is compared by itself


def write_postings(folder):
    "Twelve postings that share no line, on two days."
    for n in range(12):
        rng = random.Random(n)
        some, (a, b, c) = lambda: " ".join(rng.sample(PLAIN, 14)), rng.sample(WORDS, 3)
        day = folder/("05-01-2026" if n < 6 else "12-01-2026")
        day.mkdir(parents=True, exist_ok=True)
        (day/f"{n}.txt").write_text(f"Machine Learning Engineer\nYour tasks\nYou look after the {some()}\nIn {a} you build the {some()}\n"
                                    f"Your profile\nYou know {b} and the {some()}\n{c} is a plus for the {some()}\n")


def start(home, server, kernels=False):
    "One `skillnb run` in `home`."
    args = ["run", "--root", home/"data", *(x for s in (*SETTINGS, f"fetch.text_folder={home.parent/'postings'}", f"report.out={home/'site'}") for x in ("--set", s))]
    env = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "test", "WANDB_MODE": "disabled", "TMPDIR": str(home.parent/"tmp")}
    return warm.start(args, env, home, home/"log", kernels)


def kill(process, alone):
    "SIGKILL to a run alone, or to its notebooks as well."
    family = [] if alone else psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for p in family:
        try: p.kill()
        except psutil.NoSuchProcess: pass
    process.join()


def content(home):
    "What a finished run left: a hash of each table's rows, of each model, and the names of the site's files."
    store = Store(home/"data")
    tables = {name: store.read(name).drop(columns="at", errors="ignore") for name in TABLES if name not in TIMED}
    files = [*(home/"data"/"models").rglob("*.safetensors"), *(p for p in (home/"site").rglob("*") if "pagefind" not in p.parts)]   # its files are named by what the pages say, times too
    return ({name: hashlib.sha256(rows.astype(str).to_csv(index=False).encode()).hexdigest() for name, rows in tables.items()}
            | {str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest() if p.suffix == ".safetensors" else "" for p in files if p.is_file()})


def leftovers(home):
    "Files that no reader looks for, in the store, beside the site, and where the system keeps what is temporary."
    named = {p["file"] for t in TABLES for d in Store(home/"data").days(t) for p in Store(home/"data").manifest(t, d)["parts"].values()}
    left = [p for p in home.rglob("*") if p.suffix in (".tmp", ".new", ".old") or p.match("collected_on=*/*.parquet") and p.name not in named]
    return [re.sub(r"\d{3,}|[\w-]{8}(?=$)", "…", str(p.relative_to(home.parent))) for p in [*left, *(home.parent/"tmp").iterdir()]]


def progress(log):
    "(stages that a run has behind it, the stage that it was in, the error that it ended with)"
    told = log.read_text(errors="replace") if log.exists() else ""
    events = [json.loads(l) for l in told.splitlines() if l.startswith("{") and l.endswith("}")]
    stage = next((e["stage"] for e in reversed(events) if e.get("stage")), "start")
    return sum(e["event"] == "end" for e in events), stage, next((e["error"] for e in events if e["event"] == "failed"), told[-300:])


def answer(request):
    "Labels for a posting; no names for regions of the map."
    return mark(*WORDS)(request) if "| " in request["messages"][-1]["content"] else {"regions": []}


class Trial:
    "Runs that are killed. `rows`: one a kill, and one for each store that came to its end or to an error."
    def __init__(self, folder, seed, rows=(), keep=lambda rows: None, kernels=.1):
        self.folder, self.seed, self.rows, self.keep, self.kernels = Path(folder), seed, list(rows), keep, kernels
        (self.folder/"tmp").mkdir()
        write_postings(self.folder/"postings")

    def kills(self): return sum(r["stage"] != "end" for r in self.rows)

    def add(self, store, stage, **about):
        self.rows.append({"store": store, "stage": stage} | about)
        self.keep(self.rows)

    def undisturbed(self):
        "The run that all others are compared with; its time says how long the others live."
        home, begin = self.folder/"whole", time.monotonic()
        home.mkdir()
        with Server(answer) as server:
            (run := start(home, server)).join()
            if run.exitcode: raise SystemExit((home/"log").read_text())
            self.billed = len(server.billed)
        self.stage, self.whole = (time.monotonic() - begin) / len(STAGES), content(home)

    def check(self, home, server):
        "(requests paid twice, what differs from the undisturbed run)"
        found, asked = content(home), collections.Counter(str(r["messages"]) for r in server.billed)
        wrong = [f"{k} differs" for k in self.whole | found if self.whole.get(k) != found.get(k)] + [f"{p} is left" for p in leftovers(home)]
        if len(asked) != self.billed: wrong.append(f"{len(asked)} requests in place of {self.billed}")
        return asked.total() - len(asked), "; ".join(sorted(set(wrong)))

    def one_store(self, n, kills):
        "Begin a store and kill its runs until one comes to its end."
        home, patience, far, rng = self.folder/"torn", 2.0, 0, random.Random(f"{self.seed}/{n}")
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        with Server(answer) as server:
            while True:
                kernels = rng.random() < self.kernels
                run = start(home, server, kernels)
                run.join(rng.uniform(0, patience * self.stage * (10 if kernels else 1)) if self.kills() < kills else None)
                if run.exitcode is not None: break
                kill(run, alone := rng.random() < .5)
                done, stage, _ = progress(home/"log")
                self.add(n, stage, notebooks="kernels" if kernels else "forked", hit="run" if alone else "all")
                patience, far = 2.0 if done > far else patience * 1.2, done   # a long stage must come to its end some day
            twice, wrong = self.check(home, server) if run.exitcode == 0 else (0, progress(home/"log")[2])
        self.add(n, "end", twice=twice, wrong=wrong)

    def run(self, kills, tell=print):
        self.undisturbed()
        n = max((r["store"] for r in self.rows), default=0)
        while self.kills() < kills or self.rows[-1]["stage"] != "end":
            self.one_store(n := n + 1, kills)
            tell(f"{self.kills()} kills, {n} stores. {self.rows[-1]['wrong']}", flush=True)
        return self


def told(rows):
    "What came of it, in words."
    ends, kills = [r for r in rows if r["stage"] == "end"], [r for r in rows if r["stage"] != "end"]
    wrong = sorted({r["wrong"] for r in ends} - {""})
    return (f"{len(kills)} kills, {sum(r['hit'] == 'run' for r in kills)} of them of the run alone, {sum(r['notebooks'] == 'kernels' for r in kills)} with Jupyter kernels. "
            "By the stage that they hit (`start`: before the first): " + ", ".join(f"{k} {v}" for k, v in collections.Counter(r["stage"] for r in kills).items())
            + f". {sum(not r['wrong'] for r in ends)} of {len(ends)} stores came to the same end as the undisturbed run; "
            + f"{sum(r['twice'] for r in ends)} requests were answered twice because a kill came between the answer and its keeping.\n" + "".join(f"- {w}\n" for w in wrong))


def load(path):
    "The kills so far; of a store that did not come to its end, as when the trial itself was stopped, the kills count all the same."
    if not path.exists(): return []
    with open(path, newline="") as f: return [r | {"store": int(r["store"]), "twice": int(r["twice"] or 0)} for r in csv.DictReader(f)]


def save(path, rows):
    with open(path, "w", newline="") as f:
        (out := csv.DictWriter(f, ["store", "stage", "notebooks", "hit", "twice", "wrong"])).writeheader()
        out.writerows(rows)


def report(text): (HERE/"kill.md").write_text("# kill\n\n" + __doc__.split("\n\n", 2)[2].strip() + "\n\n" + text, encoding="utf-8")


def main(kills=200, seed=13):
    small, path = len(sys.argv) > 1, HERE/"kill.csv"
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(folder, seed) if small else Trial(folder, seed, load(path), lambda rows: save(path, rows))
        print(text := told(trial.run(kills).rows))
    if not small: report(text)


if __name__ == "__main__": main(*map(int, sys.argv[1:3]))
