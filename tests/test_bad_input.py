"""Bad input: a clear error or a row in `dropped`, and the rest goes on."""
import os

import pandas as pd
import pytest

from skillnb.clean import clean
from skillnb.dedup import Index, fold
from skillnb.fetch import FetchError, TextFolder, collect, sources
from skillnb.config import FetchConfig
from skillnb.schema import conform, empty
from skillnb.source import Harvest
from skillnb.segment import segment_postings, segments
from skillnb.store import Store

GOOD = "Requirements\n- You use Python and SQL every day, and you like to explain what you found.\n"


@pytest.fixture
def folder(tmp_path):
    "A folder of postings where almost everything is wrong, and one file is right."
    day = tmp_path/"05-01-2026"
    day.mkdir()
    (day/"1.txt").write_text(GOOD)
    (day/"2.txt").write_bytes(b"")                                   # no byte
    (day/"3.txt").write_bytes("Größe und Python ".encode("latin-1")) # not UTF-8
    (day/"4.txt").write_text("We use Python and Go. " * 240_000)     # 5 MB, one line
    (day/"5.txt").write_text("<html><body><div><img src='x'></div><script>alert(1)</script></body></html>")
    (day/"6.txt").write_text(" \n\t\n")
    (day/"7.pdf").write_bytes(b"%PDF")
    (day/"8.txt").mkdir()
    (tmp_path/"last week").mkdir()
    (tmp_path/"99-99-2026").mkdir()
    (tmp_path/"notes.txt").write_text("hello")
    (tmp_path/".hidden").mkdir()
    return tmp_path


def test_what_the_source_sets_aside(folder):
    found = collect([TextFolder(folder)])
    sightings, dropped = found.sightings, found.dropped
    assert sightings.source_id.tolist() == ["05-01-2026/1.txt"]
    assert dict(zip(dropped.id, dropped.reason)) == {
        "text/05-01-2026/4.txt": "longer than 2000000 characters", "text/05-01-2026/5.txt": "the row has no text", "text/05-01-2026/2.txt": "empty file", "text/05-01-2026/3.txt": "not UTF-8 (byte 2)", "text/05-01-2026/6.txt": "empty file",
        "text/05-01-2026/7.pdf": "not a .txt file", "text/05-01-2026/8.txt": "not a .txt file", "text/last week": "neither a folder nor named DD-MM-YYYY",
        "text/99-99-2026": "neither a folder nor named DD-MM-YYYY", "text/notes.txt": "neither a folder nor named DD-MM-YYYY"}
    assert conform("dropped", dropped.drop(columns="collected_on")).num_rows == 10


def test_what_clean_sets_aside():
    raws = (GOOD, "We use Python and Go. " * 240_000, "<div></div><script>alert(1)</script>")   # as another writer of sightings may leave them
    texts, dropped = clean(pd.DataFrame([{"source": "text", "source_id": str(n), "title": None, "company": None, "raw": r} for n, r in enumerate(raws)]))
    assert texts.source_id.tolist() == ["0"]
    assert dict(zip(dropped.id, dropped.reason)) == {"text/1": "longer than 2000000 characters before cleaning", "text/2": "no text"}


def test_the_rest_goes_on_to_the_store(folder, skillnb, tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    done = skillnb("import-text", folder, "--root", root)
    assert done.returncode == 0, done.stderr
    done = skillnb("run", "--root", root, "--from", "clean", "--to", "dedup")
    assert done.returncode == 0, done.stderr
    store = Store(root)
    assert len(store.read("postings")) == 1 and set(store.read("segments").section) == {"required"}
    assert store.sql("SELECT stage, count(*) AS n FROM dropped GROUP BY stage ORDER BY stage").values.tolist() == [["fetch", 10]]


@pytest.mark.parametrize("make, words", [
    (lambda p: p/"nowhere", "found no folder"),
    (lambda p: p/"file", "found no folder"),
    (lambda p: p/"empty", "is empty"),
    (lambda p: p/"wrong", "expected folders named DD-MM-YYYY"),
])
def test_a_folder_without_a_collection(tmp_path, make, words):
    (tmp_path/"file").write_text("x")
    (tmp_path/"empty").mkdir()
    (tmp_path/"wrong"/"2026-01-05").mkdir(parents=True)
    with pytest.raises(FetchError, match=words): TextFolder(make(tmp_path)).fetch(Harvest("text", "2026-01-05"))


def test_an_empty_folder_on_the_command_line(tmp_path, skillnb):
    done = skillnb("import-text", tmp_path, "--root", tmp_path/"root")
    assert done.returncode == 1 and "is empty" in done.stderr and "Traceback" not in done.stderr


def test_a_missing_key_on_the_command_line(tmp_path, skillnb):
    env = {k: v for k, v in os.environ.items() if k != "RAPID_API_KEY"}
    done = skillnb("fetch", "--root", tmp_path/"root", "--set", "fetch.sources=linkedin", env=env)
    assert done.returncode == 1 and "RAPID_API_KEY is not set" in done.stderr and "Traceback" not in done.stderr


def test_a_missing_key_stops_no_other_source(tmp_path, monkeypatch):
    monkeypatch.delenv("RAPID_API_KEY", raising=False)
    found = collect(sources(FetchConfig(sources=("linkedin", "sample"))))
    assert len(found.sightings) and found.dropped.id.tolist() == ["linkedin"] and "RAPID_API_KEY" in found.dropped.reason[0]


def test_an_unknown_source(skillnb, tmp_path):
    done = skillnb("fetch", "--root", tmp_path/"root", "--set", "fetch.sources=linkdin")
    assert done.returncode != 0 and "did you mean 'linkedin'?" in done.stderr and "Traceback" not in done.stderr


def test_nothing_is_a_valid_day(tmp_path):
    texts, dropped = clean(empty("sightings"))
    assert texts.empty and dropped.empty
    postings = fold(texts, Index(Store(tmp_path)), "2026-01-05")["postings"]
    assert conform("postings", postings).num_rows == conform("segments", segment_postings(postings)).num_rows == 0


def test_a_single_line_of_5_mb_is_cut_and_covered():
    text = "We use Python and Go and more of it " * 140_000
    found = segments(text)
    assert found[0].start == 0 and found[-1].end == len(text.rstrip()) and max(s.end - s.start for s in found) <= 2000
