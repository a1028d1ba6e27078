"""Whatever comes from outside is read, refused with the reason, or told as an error that says what to do. `benchmarks/fuzz.py` runs the same for longer."""
import json
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers import AD

from skillnb.boards import KINDS, Board
from skillnb.clean import clean
from skillnb.config import ConfigError, load
from skillnb.costs import Reply
from skillnb.files import TableFile, TextFolder, mapping
from skillnb.hn import header, threads
from skillnb.inbox import DecisionError, decisions
from skillnb.label import Unusable, read_reply, spans_of
from skillnb.linkedin import read as linkedin
from skillnb.models import ModelError, card, champion, checked
from skillnb.normalise import canonical
from skillnb.regions import answered
from skillnb.review import COLUMNS, ReviewError, read as review
from skillnb.runs import newest
from skillnb.schema import TABLES, SchemaError, conform
from skillnb.segment import segments
from skillnb.source import FetchError, Harvest, frames
from skillnb.store import Store, StoreError
from skillnb.teacher import Teacher
from skillnb.text import plain
from skillnb.web import Web, meaning, quota

often = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
words = st.text() | st.sampled_from(["", "0", "-1", "1e400", "²", "\x00", "\ud800", "<script>", "../../x", "2026-13-45", "9" * 5000, "=1+1", "'", '"', "None", "true"])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | words
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=12)


@st.composite
def like(draw, shape):
    "`shape` with some of its values, at whatever depth, replaced by anything."
    if draw(st.integers(0, 6)) == 0: return draw(anything)
    if isinstance(shape, dict): return {k: draw(like(v)) for k, v in shape.items() if draw(st.integers(0, 9))}
    if isinstance(shape, list): return [draw(like(v)) for v in shape]
    return shape


def damaged(text):
    "A text cut short, or with some of its characters exchanged."
    return st.builds(lambda at, n, new: text[:at % (len(text) + 1)] + new + text[at % (len(text) + 1) + n:], st.integers(0, 10_000), st.integers(0, 12), words)


@pytest.fixture(scope="module", autouse=True)
def here():
    with tempfile.TemporaryDirectory() as folder: yield Path(folder)


# what job boards reply

@often
@given(like(AD), st.sampled_from(sorted(KINDS) + ["linkedin"]))
def test_a_row_of_a_board(row, name):
    harvest = Harvest(name, "2026-01-05")
    read = linkedin if name == "linkedin" else lambda r: Board(KINDS[name])._read(r, "acme")
    harvest.take(row, "row-1", read)
    kept, dropped = frames([harvest])
    assert len(kept) + len(dropped) == 1
    assert not dropped.reason.str.contains("skillnb cannot read").any(), dropped.reason[0]
    for table, found in (("sightings", kept), ("dropped", dropped)): conform(table, found.drop(columns="collected_on"))
    assert not (set(kept.url.dropna()) & {"<script>"}) and not kept.source_id.astype(str).str.contains(r"\s").any()


@often
@given(st.binary() | st.builds(lambda x: json.dumps(x).encode(), like({"message": "x", "jobs": [AD]})), st.integers(100, 599), st.dictionaries(st.sampled_from(["X-RateLimit-Jobs-Remaining", "retry-after"]), words))
def test_a_reply_of_a_board(body, status, headers):
    parsed, broken = Web("hn")._parsed(body)
    for key in ("", "jobs"):
        outcome, why = meaning(status, parsed, quota(headers), key)
        assert outcome == "rows" or why


@often
@given(words | damaged("Acme | ML Engineer | Remote (US) | Full-time | https://acme.example<p>We use Python &amp; SQL."), st.lists(like({"title": "Ask HN: Who is hiring? (January 2026)", "objectID": "1"}), max_size=3))
def test_a_thread(text, hits):
    assert set(header(text)) <= {"company", "title", "place", "remote", "employment_type"}
    threads(hits, 2)


# what a person imports

@often
@given(st.binary(max_size=200) | st.builds(lambda rows: "\n".join(json.dumps(r) for r in rows).encode(), st.lists(like(AD | {"collected_on": "2026-01-05"}), max_size=4)), words)
def test_a_file_of_lines(here, content, said):
    (here/"jobs.jsonl").write_bytes(content)
    harvest = Harvest("file", "2026-01-05")
    try: TableFile(here/"jobs.jsonl", mapping(said)).fetch(harvest)
    except FetchError: return
    for table, found in zip(("sightings", "dropped"), frames([harvest])): conform(table, found.drop(columns="collected_on"))


@often
@given(st.data())
def test_a_parquet_file(here, data):
    path = here/"jobs.parquet"
    pd.DataFrame({"text": ["We use Python and SQL. " * 9] * 20, "id": range(20), "title": "x"}).to_parquet(path)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))): whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(whole[:data.draw(st.integers(1, len(whole)))] if data.draw(st.booleans()) else whole)
    harvest = Harvest("file", "2026-01-05")
    try: TableFile(path).fetch(harvest)
    except FetchError: return
    for table, found in zip(("sightings", "dropped"), frames([harvest])): conform(table, found.drop(columns="collected_on"))


@often
@given(st.binary(max_size=300))
def test_a_text_file(here, content):
    (here/"texts"/"05-01-2026").mkdir(parents=True, exist_ok=True)
    (here/"texts"/"05-01-2026"/"1.txt").write_bytes(content)
    harvest = Harvest("text", "2026-01-05")
    TextFolder(here/"texts").fetch(harvest)
    assert sum(map(len, frames([harvest]))) == 1


HTML = "<div><h2>Your profile</h2><ul><li>Python &amp; SQL<li>5+ years</ul><p>Contact ann@acme.example, +41 44 123 45 67</p></div>"


@often
@given(words | damaged(HTML))
def test_a_text_on_its_way_to_segments(text):
    shown = plain(text)
    found = segments(shown)
    assert all(0 <= s.start < s.end <= len(shown) for s in found)
    kept, dropped = clean(pd.DataFrame([{"source": "x", "source_id": "1", "raw": text.encode("utf-8", "replace").decode()}]).reindex(columns=TABLES["sightings"].schema.names).astype(object), 0)
    assert len(kept) + len(dropped) == 1


@often
@given(words, st.sampled_from(["hard", "soft"]))
def test_a_name(text, kind):
    assert canonical(text, kind).skill_id


# what a language model replies

SENTENCES = ["You know Python and C++.", "Experience with feature stores, a plus"]
REPLY = {"hard": [{"n": 1, "section": "required", "words": ["Python", "C++"]}, {"n": 2, "section": "preferred", "words": ["feature stores"]}], "soft": []}


@often
@given(words | st.builds(json.dumps, like(REPLY)) | damaged(json.dumps(REPLY)), st.sampled_from(["stop", "length", "", "content_filter"]))
def test_a_reply_with_labels(content, finish):
    try: lines, reasons = read_reply(Reply(content=content, finish_reason=finish))
    except Unusable: return
    found, refused = spans_of(lines, SENTENCES)
    pd.DataFrame({"reason": reasons + refused})   # fits a table
    assert all(SENTENCES[n][b:e].strip() for n, b, e, *_ in found)


@often
@given(words | st.builds(json.dumps, like({"regions": [{"region": 0, "name": "Cloud"}, {"region": 1, "name": "Data"}]})))
def test_a_reply_with_names(content):
    assert set(answered(Reply(content=content), {0: ["Python"], 1: ["SQL"]})) <= {0, 1}


COMPLETION = {"choices": [{"message": {"content": json.dumps(REPLY), "refusal": None}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}}


@pytest.fixture(scope="module")
def teacher(here): return Teacher("gpt-4o", str(here/"root"))


@often
@given(like(COMPLETION), words | st.builds(json.dumps, like({"custom_id": "k", "response": {"status_code": 200, "body": COMPLETION}, "error": {"message": "x"}})))
def test_a_completion(teacher, body, line):
    assert isinstance(teacher.read(body, 1.0, "asked"), Reply)
    for reply in teacher._line(line, {"keys": ["k"]}).values(): assert isinstance(reply, Reply)


# settings, and what a person fills in

NAMES = ["trends.floor", "fetch.sources", "fetch.linkedin.limit", "label.max_usd", "engine", "fetch.topic", "map.clusters", "report.out", "fetch", ""]


@often
@given(st.lists(st.builds("{}={}".format, st.sampled_from(NAMES) | words, words | damaged('["a", "b"]')), max_size=3), st.dictionaries(st.sampled_from(["SKILLNB_TRENDS__FLOOR", "SKILLNB_X", "SKILLNB_"]), words))
def test_settings(said, environ):
    try: load("demo", said, environ=environ)
    except ConfigError: pass


@often
@given(st.binary(max_size=200) | st.builds(str.encode, damaged('root = "x"\n[trends]\nfloor = 10\n[fetch]\nsources = ["hn"]\n'), st.just("utf-8"), st.just("replace")))
def test_a_profile(here, content):
    (here/"own.toml").write_bytes(content)
    try: load(str(here/"own.toml"), environ={})
    except ConfigError: pass


TABLE = pd.DataFrame({"posting_id": ["p1"], "text": ["You know Python and SQL."]})
ROWS = [",".join(COLUMNS), "p1,9,15,Python,hard,required,yes,why,You know Python and SQL.", "p1,0,3,SQL,hard,required,no,why,You know Python and SQL."]


@often
@given(words | damaged("\n".join(ROWS)))
def test_a_review(here, content):
    (here/"review.csv").write_text(content, encoding="utf-8", errors="replace", newline="")
    try: labels, dropped = review(here/"review.csv", TABLE)
    except ReviewError: return
    assert all(0 <= r.start < r.end for r in labels.itertuples())


@often
@given(words | damaged("decision,into,name,kind\nmerge,Python,Pyhton,hard\nignore,,ping pong,hard\n"))
def test_decisions(content):
    try: conform("decisions", decisions(content.encode("utf-8", "replace").decode()).drop_duplicates(["name", "kind"]))
    except (DecisionError, SchemaError): pass


# files of our own that somebody altered

MANIFEST = {"version": 1, "parts": {"clean": {"file": "part-clean-0.parquet", "rows": 1, "sha256": "0", "fingerprint": "0"}}}


@often
@given(st.builds(json.dumps, like(MANIFEST)) | damaged(json.dumps(MANIFEST)))
def test_a_manifest(here, content):
    folder = here/"store"/"dropped"/"collected_on=2026-01-05"
    folder.mkdir(parents=True, exist_ok=True)
    (folder/"manifest.json").write_text(content, encoding="utf-8", errors="replace")
    for ask in (Store(here/"store").verify, lambda: Store(here/"store").read("dropped"), Store(here/"store").tidy):
        try: ask()
        except StoreError: pass


CARD = {"name": "a", "languages": ["en"], "window": 256, "files": {"model.safetensors": "0" * 64}}


@often
@given(st.builds(json.dumps, like(CARD)) | damaged(json.dumps(CARD)), words | st.builds(json.dumps, like({"champion": "a", "previous": None})), st.binary(max_size=50))
def test_a_model_folder(here, about, crowned, weights):
    folder = here/"root"/"models"/"a"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("card.json", about.encode("utf-8", "replace")), ("config.json", b"{}"), ("model.safetensors", weights), ("../champion.json", crowned.encode("utf-8", "replace"))):
        (folder/name).write_bytes(content)
    for ask in (lambda: card(folder), lambda: checked(folder), lambda: champion(here/"root")):
        try: ask()
        except ModelError: pass


@often
@given(st.builds(json.dumps, like({"run_id": "1", "state": "running", "at": "tag", "pid": 1, "error": None})) | words)
def test_a_record_of_a_run(here, content):
    (here/"logs"/"1").mkdir(parents=True, exist_ok=True)
    (here/"logs"/"1"/"run.json").write_text(content, encoding="utf-8", errors="replace")
    newest(here/"logs", False)


# what benchmarks/fuzz.py found

def test_a_parquet_file_with_a_column_that_is_no_text(here):
    pd.DataFrame({"text": ["We use Python and SQL."], "abcdefgh": [1]}).to_parquet(here/"jobs.parquet")
    (here/"jobs.parquet").write_bytes((here/"jobs.parquet").read_bytes().replace(b"abcdefgh", b"a\x8ccdefgh"))
    harvest = Harvest("file", "2026-01-05")
    try: TableFile(here/"jobs.parquet").fetch(harvest)
    except FetchError: return
    assert harvest.failed or harvest.kept


def test_a_list_of_models_with_a_damaged_card(here):
    from skillnb.models import trained
    (folder := here/"damaged"/"models"/"a").mkdir(parents=True)
    (folder/"card.json").write_text("")
    with pytest.raises(ModelError, match="train the model again"): trained(here/"damaged")
