"""The stage, the review and the measure from the command line, against a real server on loopback."""
import csv
import json
import os
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from openai_server import Server, error, mark

from skillnb.about import label_costs
from skillnb.pages import Report
from skillnb.review import settled
from skillnb.segment import segment_postings
from skillnb.store import Store

WORDS = ("Python", "SQL", "Kubernetes", "Haskell", "teamwork")
PLAIN = ("garden river engine market summer window paper silver bridge winter travel kitchen orange number village station forest harbour letter doctor "
         "teacher painter morning evening picture journey mountain island valley castle planet weather season colour mirror bottle basket candle ladder "
         "hammer button pocket jacket carpet blanket pillow curtain drawer shelf corner square circle driver farmer sailor baker").split()


def posting(n):
    "Lines that no other posting shares, with four skills in them."
    rng = random.Random(n)
    some = lambda: " ".join(rng.sample(PLAIN, 16))
    return (f"Your tasks\nYou look after the {some()}\nIn Python you build the {some()}\n{'Your profile' if n else 'You bring'}\nYou know SQL and Kubernetes and the {some()}\n"
            f"Haskell is a plus for the {some()}\n")


@pytest.fixture
def store(tmp_path):
    "Twelve postings, cut into segments."
    root = Store(tmp_path/"data", stage="dedup")
    postings = pd.DataFrame({"posting_id": [f"{n:016x}" for n in range(12)], "title": None, "company": None, "source": "text", "url": None, "language": "en",
                             "text": [posting(n) for n in range(12)], "first_seen": "2025-04-13", "last_seen": "2025-04-13", "n_sightings": 1, "duplicate_of": None})
    root.write("postings", postings, "2025-04-13")
    root.write("segments", segment_postings(postings), "2025-04-13")
    return Store(tmp_path/"data")


def run(store, server, *settings, command="label"):
    "A stage with a teacher at `server`."
    env = os.environ | {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "test"}
    args = [command, "--root", store.root] + [x for s in ("label.examples=fixed", *settings) for x in ("--set", s)]
    return subprocess.Popen([sys.executable, "-c", "from skillnb.cli import main; main()", *args], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out, err


@pytest.mark.slow
def test_from_the_command_line_to_the_site(store, tmp_path, skillnb):
    priced = ("label.price_input=2.5", "label.price_cached=1.25", "label.price_output=10")
    with Server(mark(*WORDS)) as server:
        finished(run(store, server, "label.max_postings=5", *priced))
        assert len(server.billed) == 5
        labels, requests = store.read("labels"), store.read("requests")
        text = store.read("postings").set_index("posting_id").text
        assert {text[r.posting_id][r.start:r.end] for r in labels.itertuples()} == {"Python", "SQL", "Kubernetes", "Haskell"}
        assert requests.usd.sum() == pytest.approx(5 * .003) and labels.posting_id.nunique() == 5
        finished(run(store, server, "label.max_postings=5", *priced))
        assert len(server.billed) == 5                                     # up to date
        finished(run(store, server, "label.max_postings=8", *priced))
        assert len(server.billed) == 8                                     # three more, the five are kept
        shown = label_costs(Report(store.root)).html
        assert "$0.02" in shown and "gpt-4o, prompt p2-" in shown

        # a person decides
        assert skillnb("tag-all", "--root", store.root).returncode == 0
        file = tmp_path/"review.csv"
        done = skillnb("label", "review", "--root", store.root, "--out", file)
        assert done.returncode == 0 and "spans in" in done.stdout, done.stderr
        rows = list(csv.DictReader(open(file, encoding="utf-8-sig")))
        haskell = next(r for r in rows if r["words"] != "Python")
        haskell["verdict"] = "no"
        with open(file, "w", newline="", encoding="utf-8") as f:
            out = csv.DictWriter(f, rows[0])
            out.writeheader()
            out.writerows(rows + [rows[0] | {"verdict": "yes", "words": "nowhere"}])
        done = skillnb("label", "review", file, "--root", store.root)
        assert done.returncode == 0 and done.stdout.startswith("1 decisions of a person") and "are not in the line" in done.stdout
        place = haskell["posting_id"], int(haskell["start"]), int(haskell["end"])
        places = lambda f: set(zip(f.posting_id, f.start, f.end))
        assert place not in places(settled(store.read("labels"))) and place in places(store.read("labels"))
        skillnb("label", "review", "--root", store.root, "--out", file)
        assert place not in {(r["posting_id"], int(r["start"]), int(r["end"])) for r in csv.DictReader(open(file, encoding="utf-8-sig"))}   # not asked again
        finished(run(store, server, "label.max_postings=9", *priced))
        assert place not in places(settled(store.read("labels")))          # and no later label brings it back


@pytest.mark.slow
def test_a_stage_that_is_killed_pays_once(store):
    "The whole process group dies in the middle; what was answered is kept, and one look at the budget spans both runs."
    with Server(lambda r: time.sleep(.3) or mark(*WORDS)(r)) as server:
        env = os.environ | {"OPENAI_BASE_URL": server.url}
        first = subprocess.Popen([sys.executable, "-c", "from skillnb.cli import main; main()", "label", "--root", store.root, "--set", "label.workers=1", "--set", "label.examples=fixed"],
                                 env=env, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(server.billed) < 4 and first.poll() is None: time.sleep(.05)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        time.sleep(.5)
        before = len(server.requests)
        assert store.read("labels").empty
        finished(run(store, server, "label.workers=1"))
        asked = [json.dumps(r["messages"][-1]) for r in server.requests]
        kept, in_flight, again = set(asked[:before - 1]), {asked[before - 1]}, set(asked[before:])   # the last one was kept, or died on its way
        assert not kept & again and len(kept | in_flight | again) == 12
        assert store.read("labels").posting_id.nunique() == 12


@pytest.mark.slow
def test_what_failed_today_is_asked_again_and_no_more(store):
    failing = []
    def answer(request):
        if not server.billed and not failing: failing.append(request["messages"][-1])   # the first posting fails, however often it is tried
        return error(503) if request["messages"][-1] in failing else mark(*WORDS)(request)
    with Server(answer) as server:
        settings = "label.workers=1", "label.max_postings=4"
        finished(run(store, server, *settings))
        assert len(server.billed) == 3 and "InternalServerError" in store.read("dropped").reason[0]
        failing[:] = [None]
        finished(run(store, server, *settings))
        assert len(server.billed) == 4 and store.read("labels").posting_id.nunique() == 4 and store.read("dropped").empty
        finished(run(store, server, *settings))
        assert len(server.billed) == 4


@pytest.mark.slow
def test_a_refused_key_says_what_to_do(store):
    with Server(lambda r: error(401, "Incorrect API key")) as server:
        process = run(store, server)
        err = process.communicate(timeout=300)[1]
        assert process.returncode == 1 and "Check OPENAI_API_KEY" in err and "Traceback" not in err


LABELLED = [{"posting": f"{n}.txt", "spans": [{"start": t.index(w), "end": t.index(w) + len(w), "text": w, "kind": "hard"} for w in ("Python", "SQL", "Kubernetes", "Haskell")]}
            for n, t in enumerate(map(posting, range(6)))]


def test_teachers_are_measured_and_compared(tmp_path, skillnb):
    (tmp_path/"postings").mkdir()
    for n in range(6): (tmp_path/"postings"/f"{n}.txt").write_text(posting(n))
    (tmp_path/"labels.jsonl").write_text("\n".join(map(json.dumps, LABELLED)))
    (tmp_path/"other.txt").write_text("Mark Python only. Answer in JSON.")
    answer = lambda r: mark("Python")(r) if "only" in r["messages"][0]["content"] else mark("Python", "SQL", "Kubernetes", "Haskell", "profile")(r)
    args = "evaluate", "labels", "--folder", tmp_path, "--root", tmp_path/"data", "--set", "label.examples=fixed"
    with Server(answer) as server:
        env = os.environ | {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "test"}
        done = skillnb(*args, "--teacher", "tiny", "--teacher", f"tiny@{tmp_path/'other.txt'}", env=env)
        assert done.returncode == 0, done.stderr
        assert "6 requests to tiny" in done.stderr and len(server.requests) == 12
        scores = Store(tmp_path/"data").read("scores").set_index(["model", "metric"])
        (one, other), both = sorted({m for m, _ in scores.index if "|" not in m}, key=lambda m: -scores.value[m, "strict recall hard"]), next(m for m, _ in scores.index if "|" in m)
        assert scores.value[one, "strict recall hard"] == 1 and scores.value[one, "strict precision hard"] == pytest.approx(24 / 29)
        assert scores.value[other, "strict precision hard"] == 1 and scores.value[other, "strict recall hard"] == .25
        assert scores.value[both, "agreement f1 hard"] == pytest.approx(2 * 6 / (29 + 6)) and ", prompt p2-" in one and one.split("prompt")[1] != other.split("prompt")[1]
        assert scores.low[one, "strict precision hard"] < 24 / 29 <= scores.high[one, "strict precision hard"]
        skillnb(*args, "--teacher", "tiny", "--postings", 3, env=env)
        assert len(server.requests) == 12                                  # every one of them was answered before


@pytest.mark.parametrize("args, status, words", [
    (["evaluate", "sample", "--teacher", "x"], 2, "skillnb evaluate labels --teacher x"),
    (["evaluate", "labels", "--teacher", "x", "--folder", "no/such"], 1, "Give --folder"),
    (["evaluate", "no-such-file"], 1, "Check the path"),
    (["label", "review", "no-such.csv"], 1, "No such file"),
    (["label", "--set", "label.maxusd=1"], 2, "did you mean 'label.max_usd'?")])
def test_what_is_wrong_is_said(skillnb, tmp_path, args, status, words):
    done = skillnb(*args, "--root", tmp_path/"data", env={k: v for k, v in os.environ.items() if k != "SKILLNB_SHARED"})
    assert done.returncode == status and words in done.stderr and "Traceback" not in done.stderr
