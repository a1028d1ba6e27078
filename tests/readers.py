"""Every reader of data from outside, each with what must hold of whatever it is given. `test_fuzz.py` gives them made-up values, `benchmarks/fuzz.py` bytes."""
import json
import os
import tempfile
from pathlib import Path

import pandas as pd
from skillnb.boards import KINDS, Board
from skillnb.clean import clean
from skillnb.config import ConfigError, load
from skillnb.costs import Reply
from skillnb.files import TableFile, TextFolder, mapping
from skillnb.hn import header, threads
from skillnb.inbox import DecisionError, decisions
from skillnb.label import Unusable, read_reply, spans_of
from skillnb.linkedin import read as linkedin
from skillnb.models import ModelError, card, champion, checked, trained
from skillnb.normalise import canonical
from skillnb.regions import answered
from skillnb.replies import Replies
from skillnb.review import COLUMNS, ReviewError, read as review
from skillnb.runs import newest
from skillnb.schema import TABLES, SchemaError, conform
from skillnb.segment import segments
from skillnb.source import FetchError, Harvest, frames
from skillnb.store import Store, StoreError
from skillnb.teacher import Teacher
from skillnb.text import plain
from skillnb.web import Web, _asked_wait, meaning, quota

DAY = "2026-01-05"
BOARDS = sorted(KINDS) + ["linkedin"]
AD = {"id": 7, "title": "ML Engineer", "text": "ML Engineer", "slug": "a-1", "content": "&lt;p&gt;We use Python&lt;/p&gt;", "description": "<p>We use Python</p>", "descriptionPlain": "We use Python",
      "description_text": "We use Python", "company": "Acme", "company_name": "Acme", "organization": "Acme", "location": {"name": "Zug; Bern"}, "lists": [{"text": "You bring", "content": "<li>SQL"}],
      "categories": {"location": "Bern", "allLocations": ["Bern"], "commitment": "Full-time", "level": "Senior"}, "createdAt": 1767600000000, "publishedAt": "2026-01-05T09:00:00Z",
      "salaryRange": {"min": 1, "max": 2, "currency": "CHF", "interval": "per-year-salary"}, "compensation": {"summaryComponents": [{"compensationType": "Salary", "minValue": 1}]},
      "salary_raw": {"currency": "EUR", "value": {"minValue": 1, "maxValue": 2, "unitText": "YEAR"}}, "locations_derived": ["Bern"], "date_posted": "2026-01-05", "remote_derived": True,
      "employment_type": ["FULL_TIME"], "job_types": ["full time"], "url": "https://jobs.example/7", "recruiter_name": "Ann Example", "legal": "x", "position": "NLP Engineer", "tags": ["ml"]}
LINE = AD | {"collected_on": DAY}
STORY = {"title": "Ask HN: Who is hiring? (January 2026)", "objectID": "1"}
COMMENT = "Acme | ML Engineer | Remote (US) | Full-time | https://acme.example<p>We use Python &amp; SQL."
HTML = "<div><h2>Your profile</h2><ul><li>Python &amp; SQL<li>5+ years</ul><p>Contact ann@acme.example, +41 44 123 45 67</p></div>"
SENTENCES = ["You know Python and C++.", "Experience with feature stores, a plus"]
REPLY = {"hard": [{"n": 1, "section": "required", "words": ["Python", "C++"]}, {"n": 2, "section": "preferred", "words": ["feature stores"]}], "soft": []}
NAMED = {"regions": [{"region": 0, "name": "Cloud"}, {"region": 1, "name": "Data"}]}
COMPLETION = {"choices": [{"message": {"content": json.dumps(REPLY), "refusal": None}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}}
BATCH = {"custom_id": "k", "response": {"status_code": 200, "body": COMPLETION}, "error": {"message": "x"}}
KEPT = {"content": "{}", "refusal": "", "finish_reason": "stop", "prompt_tokens": 1, "cached_tokens": 0, "completion_tokens": 1, "seconds": 1.0, "asked_on": DAY, "how": "asked", "usd": 0.1}
SETTINGS = ["trends.floor", "fetch.sources", "fetch.linkedin.limit", "label.max_usd", "engine", "fetch.topic", "map.clusters", "report.out", "fetch", ""]
PROFILE = 'root = "x"\n[trends]\nfloor = 10\n[fetch]\nsources = ["hn"]\n'
POSTINGS = pd.DataFrame({"posting_id": ["p1"], "text": ["You know Python and SQL."]})
REVIEW = "\n".join([",".join(COLUMNS), "p1,9,15,Python,hard,required,yes,why,You know Python and SQL.", "p1,0,3,SQL,hard,required,no,why,You know Python and SQL."])
DECISIONS = "decision,into,name,kind\nmerge,Python,Pyhton,hard\nignore,,ping pong,hard\n"
MANIFEST = {"version": 1, "parts": {"clean": {"file": "part-clean-0.parquet", "rows": 1, "sha256": "0", "fingerprint": "0"}}}
CARD = {"name": "a", "languages": ["en"], "window": 256, "files": {"model.safetensors": "0" * 64}}
CROWNED = {"champion": "a", "previous": None, "before": ["shipped"], "barred": []}
RUN = {"run_id": "1", "state": "running", "at": "tag", "pid": 1, "error": None}
_place = tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
HERE = Path(_place.name)   # in memory where that can be had


def written(path, content):
    "The path of a file with this content, which is text or bytes."
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))
    return path


# what job boards reply

def settle(harvests):
    "Every row fits its table, and none is refused because of us; two harvests hold different rows."
    for n, h in enumerate(harvests):
        for row in h.kept.values(): row["source_id"] = f"{n}:{row['source_id']}"
    kept, dropped = frames(harvests)
    assert not dropped.reason.str.contains("skillnb cannot read").any(), dropped.reason[0]
    for table, found in (("sightings", kept), ("dropped", dropped)):
        for _, day in found.groupby("collected_on", dropna=False): conform(table, day.drop(columns="collected_on"))   # as they are written
    assert not (set(kept.url.dropna()) & {"<script>"}) and not kept.source_id.astype(str).str.contains(r"\s").any()


def row(found, name):
    "A harvest of one row of a board's reply."
    harvest = Harvest(name, DAY)
    harvest.take(found, "row-1", linkedin if name == "linkedin" else lambda r: Board(KINDS[name])._read(r, "acme"))
    assert len(harvest.kept) + len(harvest.refused) == 1
    return harvest


_web = Web("hn")


def reply(content, status, headers):
    parsed, broken = _web._parsed(content)
    _asked_wait(headers)
    for key in ("", "jobs"):
        outcome, why = meaning(status, parsed, quota(headers), key)
        assert outcome == "rows" or why


def thread(text, hits):
    assert set(header(text)) <= {"company", "title", "place", "remote", "employment_type"}
    threads(hits, 2)


# what a person imports

def lines(content, said):
    "A harvest of a file of JSON lines; None where it is refused."
    harvest = Harvest("file", DAY)
    try: TableFile(written(HERE/"jobs.jsonl", content), mapping(said)).fetch(harvest)
    except FetchError: return
    return harvest


def parquet(content):
    harvest = Harvest("file", DAY)
    try: TableFile(written(HERE/"jobs.parquet", content)).fetch(harvest)
    except FetchError: return
    return harvest


def sound_parquet():
    pd.DataFrame({"text": ["We use Python and SQL. " * 9] * 20, "id": range(20), "title": "x"}).to_parquet(HERE/"sound.parquet")
    return (HERE/"sound.parquet").read_bytes()


def text_file(content):
    written(HERE/"texts"/"05-01-2026"/"1.txt", content)
    harvest = Harvest("text", DAY)
    TextFolder(HERE/"texts").fetch(harvest)
    assert len(harvest.kept) + len(harvest.refused) == 1
    return harvest


def text(content):
    shown = plain(content)
    assert all(0 <= s.start < s.end <= len(shown) for s in segments(shown))


def sightings(texts):
    "The stage clean: whatever comes is kept or dropped."
    raw = pd.DataFrame({"source": "x", "source_id": [str(n) for n in range(len(texts))], "raw": [t.encode("utf-8", "replace").decode() for t in texts]})
    kept, dropped = clean(raw.reindex(columns=TABLES["sightings"].schema.names).astype(object), 0)
    assert len(kept) + len(dropped) == len(texts)


def name(content, kind): assert canonical(content, kind).skill_id


# what a language model replies

def labels(content, finish):
    try: found, reasons = read_reply(Reply(content=content, finish_reason=finish))
    except Unusable: return
    spans, refused = spans_of(found, SENTENCES)
    assert all(isinstance(r, str) for r in reasons + refused)
    assert all(SENTENCES[n][b:e].strip() for n, b, e, *_ in spans)


def regions(content): assert set(answered(Reply(content=content), {0: ["Python"], 1: ["SQL"]})) <= {0, 1}


_teacher = Teacher("gpt-4o", str(HERE/"root"))


def completion(body, line):
    assert isinstance(_teacher.read(body, 1.0, "asked"), Reply)
    for found in _teacher._line(line, {"keys": ["k"]}).values(): assert isinstance(found, Reply)


# settings, and what a person fills in

def settings(said, environ):
    try: load("demo", said, environ=environ)
    except ConfigError: pass


def profile(content):
    try: load(str(written(HERE/"own.toml", content)), environ={})
    except ConfigError: pass


def reviewed(content):
    try: found, dropped = review(written(HERE/"review.csv", content), POSTINGS)
    except ReviewError: return
    assert all(0 <= r.start < r.end for r in found.itertuples())


def decided(content):
    try: conform("decisions", decisions(content.encode("utf-8", "replace").decode()).drop_duplicates(["name", "kind"]))
    except (DecisionError, SchemaError): pass


# files of our own that somebody altered

_store = Store(HERE/"store")


def manifest(content):
    written(HERE/"store"/"dropped"/f"collected_on={DAY}"/"manifest.json", content)
    try: _store.manifest("dropped", DAY)
    except StoreError: pass


def store(content):
    manifest(content)
    for ask in (_store.verify, lambda: _store.read("dropped"), _store.tidy):
        try: ask()
        except StoreError: pass


def model(about, crowned, weights):
    folder = HERE/"root"/"models"/"a"
    for file, content in (("card.json", about), ("config.json", b"{}"), ("model.safetensors", weights), ("../champion.json", crowned)): written(folder/file, content)
    for ask in (lambda: card(folder), lambda: checked(folder), lambda: champion(HERE/"root"), lambda: trained(HERE/"root")):
        try: ask()
        except ModelError: pass


_replies = Replies(str(HERE/"root"))


def kept(content):
    written(HERE/"root"/"cache"/"label"/"key.json", content)
    if found := _replies.get("key"):
        try: read_reply(found)
        except Unusable: pass


def record(content):
    written(HERE/"logs"/"1"/"run.json", content)
    newest(HERE/"logs", False)
