"""The stage: several sources together, files, the same day twice, and the command line from a real server to clean postings."""
import json
import re

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

from servers import BAD_GATEWAY, KEY, BoardsServer, HNServer, LinkedInServer, comment, job, remoteok_job
from skillnb.config import FetchConfig, LinkedInConfig
from skillnb.fetch import SampleSource, collect, sources
from skillnb.files import TableFile, TextFolder, mapping
from skillnb.linkedin import LinkedIn
from skillnb.schema import conform
from skillnb.source import FetchError, Harvest, frames
from skillnb.store import Store
from skillnb.web import Web

TEXT = ("<p>We look for people who do machine learning every day and like to explain what they found to others.</p>"
        "<p>Requirements:</p><p>- Python and SQL</p><p>- You know Kubernetes</p>")


def test_one_source_never_costs_another_its_rows(tmp_path):
    (tmp_path/"05-01-2026").mkdir()
    (tmp_path/"05-01-2026"/"1.txt").write_text("We use Python.")
    down = LinkedIn(LinkedInConfig(base_url="http://127.0.0.1:9"), Web("linkedin", pause=0, key=KEY, backoff=0))
    found = collect([down, TextFolder(tmp_path/"nowhere"), TextFolder(tmp_path)])
    assert len(found.sightings) == 1 and set(found.dropped.id) == {"linkedin/page-1", "text"} and found.failed and len(found.calls) == 5


def test_text_files_in_natural_order(tmp_path):
    for day in ("13-04-2025", "05-01-2026"):
        (tmp_path/day).mkdir()
        for n in (10, 9, 1): (tmp_path/day/f"{n}.txt").write_bytes(b"Line one\r\nLine two")
    found = collect([TextFolder(tmp_path)])
    assert found.sightings.source_id.tolist()[:3] == ["13-04-2025/1.txt", "13-04-2025/9.txt", "13-04-2025/10.txt"] and found.dropped.empty
    assert set(found.sightings.collected_on) == {"2025-04-13", "2026-01-05"} and found.sightings.raw[0] == "Line one\nLine two"


def test_the_sample_fits_its_table():
    [source] = sources(FetchConfig())
    found = collect([source])
    assert isinstance(source, SampleSource) and found.dropped.empty
    assert conform("sightings", found.sightings.drop(columns="collected_on")).num_rows > 240 and found.sightings.collected_on.nunique() == 12


def table(path, columns=""):
    found = collect([TableFile(path, mapping(columns))], "2026-01-05")
    for t in ("sightings", "dropped"): conform(t, getattr(found, t).drop(columns="collected_on"))
    return found


def test_json_lines_that_are_hostile(tmp_path):
    file = tmp_path/"jobs.jsonl"
    lines = [b'{"text": "We use Go.", "title": "<b>ML</b>", "salary_min": 0, "remote": null, "posted_at": "2026-01-02"}', b"", b'{"text": "We', b'"word"', b"[" * 99_999, b"\xff\xfe{}",
             b'{"text": "' + b"x" * 21_000_000 + b'"}', b'{"text": 5}', b'{"text": "We use \\ud800 C++.", "salary_max": 1e999, "url": "javascript:x", "collected_on": "2026-01-04"}']
    file.write_bytes(b"\n".join(lines))
    found = table(file)
    assert found.sightings.raw.tolist() == ["We use Go.", "We use \ufffd C++."]   # half a character stands as one that cannot be read
    assert found.sightings.collected_on.tolist() == ["2026-01-05", "2026-01-04"] and found.sightings.title[0] == "ML" and found.sightings.salary_min.isna().all()
    assert found.dropped.id.tolist()[:5] == [f"file/jobs.jsonl/line-{n}" for n in (3, 4, 5, 6, 7)]
    assert [r.split(" (")[0] for r in found.dropped.reason] == ["no JSON", "the row is not an object", "nested too deep", "not UTF-8", "longer than 20 MB", "the row has no text"]


def test_parquet_with_columns_of_its_own(tmp_path):
    rows = {"description": ["<p>We use Go.</p>", None, "We use SQL."], "job_title": ["ML engineer", "x", None], "date": pd.to_datetime(["2026-01-01", "2026-01-02", None]),
            "pay": pa.array([90000, None, 0]), "extra": [[1], [], None]}
    pq.write_table(pa.table(rows), tmp_path/"jobs.parquet")
    found = table(tmp_path/"jobs.parquet", "text=description,title=job_title,posted_at=date,salary_min=pay")
    assert found.sightings[["title", "posted_at", "salary_min"]].values.tolist() == [["ML engineer", "2026-01-01", 90000.0], [None, None, None]]
    assert found.dropped[["id", "reason"]].values.tolist() == [["file/jobs.parquet/row-2", "the row has no text"]]
    with pytest.raises(FetchError, match="has no column 'descripton': did you mean 'description'"): TableFile(tmp_path/"jobs.parquet", {"text": "descripton"}).fetch(Harvest("file", "2026-01-05"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["text", "title", "id", "remote", "salary_min", "posted_at", "collected_on", "place"]),
                                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.lists(st.text(max_size=5), max_size=2)), max_size=6))
def test_whatever_a_line_holds_it_is_kept_or_dropped(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("lines")/"jobs.jsonl"
    rows = [{"text": "We use Go.", "id": "first"}, *({**r, "n": n, "id": n} for n, r in enumerate(rows))]
    file.write_text("\n".join(map(json.dumps, rows)))
    found = table(file)
    assert len(found.sightings) + len(found.dropped) == len(rows) and not found.dropped.reason.str.contains("skillnb").any()


def options(root, **given): return ["--root", root, *(a for k, v in given.items() for a in ("--set", f"fetch.{k.replace('__', '.')}={v}"))]


def test_a_new_user_without_a_key(skillnb, tmp_path):
    "From a Hacker News server to clean postings, on the command line; a second run finds nothing to do."
    rows = [comment(n, f"Acme {n} | ML Engineer | Remote{TEXT}") for n in range(1, 8)] + [comment(9, None, author=None)]
    with HNServer(rows).serve() as address:
        given = options(tmp_path, sources="hn", hn__base_url=address, pause=0)
        done = skillnb("run", "--to", "dedup", *given)
        assert done.returncode == 0, done.stderr
        again = skillnb("run", "--to", "dedup", *given)
    assert again.stderr.count("up to date") == 3
    store = Store(tmp_path)
    assert len(store.read("texts")) == 7 and store.read("calls").outcome.tolist() == ["rows", "rows"] and store.read("sources").source.tolist() == ["hn"]
    assert store.sql("SELECT DISTINCT remote FROM sightings").remote.tolist() == [True]
    status = skillnb("status", "--root", tmp_path).stdout
    assert "sources over the web" in status and re.search(r"hn +20\d\d-\S+ +rows +2 +11", status)


def test_a_day_that_failed_is_asked_again_and_keeps_what_it_had(skillnb, tmp_path):
    "LinkedIn brings a page and fails; the second run of the day brings the rest, and what was paid for stays."
    import os
    env = os.environ | {"RAPID_API_KEY": KEY}
    first, second = LinkedInServer([job(n, description_text=TEXT) for n in range(30)], [None, (401, {})]), LinkedInServer([job(n, description_text=TEXT) for n in range(5, 32)])
    with HNServer([comment(1, f"Acme | ML Engineer | Remote{TEXT}")]).serve() as hn:
        for server, rows in ((first, 21), (second, 33)):
            with server.serve() as address:
                done = skillnb("fetch", *options(tmp_path, sources="linkedin,hn", linkedin__base_url=address, linkedin__limit=20, hn__base_url=hn, pause=0), env=env)
            assert done.returncode == 0, done.stderr
            assert len(Store(tmp_path).read("sightings")) == rows
    store = Store(tmp_path)
    assert store.sql("SELECT count(*) AS n FROM dropped WHERE id LIKE 'linkedin%'").n.item() == 0 and store.verify() == []
    status = skillnb("status", "--root", tmp_path).stdout
    assert "quota" in status and "days_left" in status and KEY not in status
    everything = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert KEY.encode() not in everything


def test_nothing_at_all_stops_with_the_reason(skillnb, tmp_path):
    with HNServer([], [(502, BAD_GATEWAY)] * 9).serve() as address:
        done = skillnb("fetch", *options(tmp_path, sources="hn", hn__base_url=address, pause=0))
    assert done.returncode == 1 and "no posting was fetched. hn/threads: status 502: the service is out of order: run again later" in done.stderr
    assert "Traceback" not in done.stderr and len(Store(tmp_path).read("calls")) == 5     # the calls were made all the same


def test_terms_reach_the_site_and_remote_ok_gets_a_followed_link(skillnb, tmp_path):
    from skillnb.about import sources as shown
    from skillnb.pages import Report
    with BoardsServer({("remoteok", ""): [remoteok_job(1)]}).serve() as address:
        assert skillnb("fetch", *options(tmp_path, sources="remoteok", remoteok__base_url=address, pause=0)).returncode == 0
    page = shown(Report(tmp_path)).html
    assert '<a href="https://remoteok.com" rel="noopener">Remote OK</a>' in page and "followed link" in page and "nofollow" not in page


def test_import_on_the_command_line(skillnb, tmp_path):
    file = tmp_path/"jobs.jsonl"
    file.write_text("\n".join(json.dumps({"description": TEXT + str(n), "job_title": "ML engineer", "org": "Acme", "date": "2026-01-05", "id": n}) for n in range(3)) + '\n{"description"')
    columns = "text=description,title=job_title,company=org,posted_at=date"
    for _ in range(2):
        done = skillnb("import", file, "--columns", columns, "--root", tmp_path/"root")
        assert done.returncode == 0 and done.stdout.startswith("3 sightings on 1 days") and "1 no JSON" in done.stdout, done.stderr
    store = Store(tmp_path/"root")
    assert len(store.read("sightings")) == 3 and store.read("sightings").company.tolist() == ["Acme"] * 3
    for args, status, words in ((["--columns", "tekst=description"], 2, "did you mean 'text'?"), (["--columns", "text=descripton"], 1, "did you mean 'description'?"),
                                ([], 1, "It has: description, job_title, org, date, id. Add --columns text=COLUMN")):
        done = skillnb("import", file, *args, "--root", tmp_path/"other")
        assert done.returncode == status and words in done.stderr and "Traceback" not in done.stderr
    assert skillnb("import", tmp_path/"no.jsonl", "--root", tmp_path/"other").returncode == 1


def test_a_changed_file_takes_back_the_days_it_no_longer_covers(skillnb, tmp_path):
    def say(*days):
        (tmp_path/"jobs.jsonl").write_text("\n".join(json.dumps({"text": TEXT + str(n), "id": n, "collected_on": day}) for n, day in enumerate(days)))
        done = skillnb("import", tmp_path/"jobs.jsonl", "--root", tmp_path/"root")
        assert done.returncode == 0, done.stderr
        return sorted(Store(tmp_path/"root").read("sightings").collected_on.astype(str).str[:10])
    (tmp_path/"more.jsonl").write_text(json.dumps({"text": TEXT, "collected_on": "2026-01-05"}))
    assert skillnb("import", tmp_path/"more.jsonl", "--root", tmp_path/"root").returncode == 0
    assert say("2026-01-05", "2026-01-12") == ["2026-01-05", "2026-01-05", "2026-01-12"]
    assert say("2026-01-12", "2026-01-19") == ["2026-01-05", "2026-01-12", "2026-01-19"]   # that of the other file stays
