#!/usr/bin/env python
"""Runs that are killed at random moments, started again, and compared with one that nobody disturbed.

    python benchmarks/kill.py            # 200 kills; writes benchmarks/kill.md
    python benchmarks/kill.py 20 SEED    # fewer; writes nothing

Twelve short postings of two days, a teacher that is a server on loopback, and every stage from fetch to report: a run of a minute. SIGKILL hits
either `skillnb run` alone, whose notebook then dies as an orphan, or all its processes at once, as when a machine stops. How long a run may live
is drawn anew each time, up to about two stages. When one comes to its end, its tables, its models and its site are compared with the undisturbed
run's, and a new store is begun.
"""
import collections
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent/"tests"))
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


def start(home, server, log):
    "One `skillnb run` in `home`."
    args = ["run", "--root", home/"data", *(x for s in (*SETTINGS, f"fetch.text_folder={home.parent/'postings'}", f"report.out={home/'site'}") for x in ("--set", s))]
    env = os.environ | {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "test", "WANDB_MODE": "disabled", "TMPDIR": str(home.parent/"tmp")}
    return subprocess.Popen([sys.executable, "-c", "from skillnb.cli import main; main()", *map(str, args)], env=env, cwd=home, stdout=log, stderr=log)


def kill(process, alone):
    "SIGKILL to a run alone, or to its notebooks as well."
    family = [] if alone else psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for p in family:
        try: p.kill()
        except psutil.NoSuchProcess: pass
    process.wait()


def content(home):
    "What a finished run left: a hash of each table's rows, of each model, and the names of the site's files."
    store, found = Store(home/"data"), {}
    for name in TABLES:
        if name not in TIMED: found[name] = hashlib.sha256(store.read(name).astype(str).to_csv(index=False).encode()).hexdigest()[:12]
    for path in sorted((home/"data"/"models").rglob("*.safetensors")): found[path.parent.name] = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    found["site"] = sorted(p.relative_to(home/"site").as_posix() for p in (home/"site").rglob("*") if p.is_file())
    return found


def leftovers(home):
    "Files that no reader looks for."
    named = {p["file"] for t in TABLES for d in Store(home/"data").days(t) for p in Store(home/"data").manifest(t, d)["parts"].values()}
    return [str(p.relative_to(home)) for p in home.rglob("*") if p.suffix in (".tmp", ".new", ".old") or (p.suffix == ".parquet" and p.name not in named)]


def progress(log):
    "(stages that a run has behind it, the stage that it was in, the error that it ended with)"
    events = [json.loads(l) for l in log.read_text(errors="replace").splitlines() if l.startswith("{") and l.endswith("}")]
    stage = next((e["stage"] for e in reversed(events) if e.get("stage")), "start")
    return sum(e["event"] == "end" for e in events), stage, next((e["error"] for e in events if e["event"] == "failed"), log.read_text(errors="replace")[-300:])


def answer(request):
    "Labels for a posting; no names for regions of the map."
    return mark(*WORDS)(request) if "| " in request["messages"][-1]["content"] else {"regions": []}


class Trial:
    "Runs that are killed: counts kills by stage, complete stores, and what went wrong."
    def __init__(self, folder, seed):
        self.folder, self.rng = Path(folder), random.Random(seed)
        (self.folder/"tmp").mkdir()
        write_postings(self.folder/"postings")
        self.kills, self.finished, self.wrong, self.twice = collections.Counter(), 0, [], 0

    def undisturbed(self):
        home = self.folder/"whole"
        home.mkdir()
        begin = time.monotonic()
        with Server(answer) as server, open(home/"log", "w") as log:
            if start(home, server, log).wait(): raise SystemExit((home/"log").read_text())
            self.billed = len(server.billed)
        self.stage = (time.monotonic() - begin) / len(STAGES)
        self.whole = content(home)

    def check(self, home, server):
        "Compare a run that came to its end with the undisturbed one."
        self.finished += 1
        found = content(home)
        self.wrong += [f"{k} differs" for k in self.whole | found if self.whole.get(k) != found.get(k)] + [f"{p} is left" for p in leftovers(home)]
        asked = collections.Counter(str(r["messages"]) for r in server.billed)
        self.twice += sum(asked.values()) - len(asked)
        if len(asked) != self.billed: self.wrong.append(f"{len(asked)} requests in place of {self.billed}")

    def one_store(self, kills):
        "Begin a store and kill its runs until one comes to its end."
        home, patience, n = self.folder/"torn", 2.0, 0
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        with Server(answer) as server:
            while True:
                with open(home/"log", "w") as log: process = start(home, server, log)
                try: ended = process.wait(self.rng.uniform(0, patience * self.stage) if self.kills.total() < kills else None)
                except subprocess.TimeoutExpired: ended = None
                if ended == 0: return self.check(home, server)
                if ended is not None: self.wrong.append(progress(home/"log")[2]); return
                kill(process, alone=self.rng.random() < 0.5)
                done, stage, _ = progress(home/"log")
                self.kills[stage] += 1
                patience = 2.0 if done > n else patience * 1.2   # a long stage must come to its end some day
                n = done

    def run(self, kills, tell=print):
        self.undisturbed()
        while self.kills.total() < kills or not self.finished:
            self.one_store(kills)
            tell(f"{self.kills.total()} kills, {self.finished} stores finished, {len(self.wrong)} wrong", flush=True)
        return self


def main(kills=200, seed=13):
    with tempfile.TemporaryDirectory() as folder: trial = Trial(folder, seed).run(kills)
    told = (f"{trial.kills.total()} kills (`start`: before the first stage began): " + ", ".join(f"{k} {v}" for k, v in trial.kills.items())
            + f". {trial.finished} stores came to their end; {len(set(trial.wrong))} differences from the undisturbed run; "
            + f"{trial.twice} requests were answered twice because a kill came between the answer and its keeping.\n" + "".join(f"- {w}\n" for w in sorted(set(trial.wrong))))
    print(told)
    if kills >= 200: (HERE/"kill.md").write_text("# kill\n\n" + __doc__.split("\n\n", 2)[2].strip() + "\n\n" + told, encoding="utf-8")


if __name__ == "__main__": main(*map(int, sys.argv[1:3]))
