"""Sources: LinkedIn Job Search against a server of its documented shape, the folder of text files, several together."""
import json
import logging

import pytest

from servers import KEY, LinkedInServer, job, serving
from skillnb.config import FetchConfig
from skillnb.fetch import FetchError, LinkedIn, SampleSource, TextFolder, collect, sources
from skillnb.schema import conform

MONTH = {"message": "You have exceeded the MONTHLY quota for Requests on your current plan, BASIC."}


def ask(server, **settings):
    "(source, sightings, dropped) of one fetch from `server`; both frames fit their tables."
    with serving(server.handler()) as address:
        source = LinkedIn(base_url=address, key=settings.pop("key", KEY), collected_on="2026-01-05", backoff=0, **{"limit": 10, "timeout": 5} | settings)
        sightings, dropped = source.fetch()
    for table, rows in (("sightings", sightings), ("dropped", dropped)): conform(table, rows.drop(columns="collected_on"))
    assert KEY not in sightings.to_csv() + dropped.to_csv() + repr(source)
    return source, sightings, dropped


def reasons(dropped): return dict(zip(dropped.id, dropped.reason))


def test_pages_until_a_short_one():
    server = LinkedInServer(job(n) for n in range(23))
    source, sightings, dropped = ask(server, location_filter="Georgia")
    assert len(sightings) == 23 and sightings.source_id.is_unique and dropped.empty
    assert [q["offset"] for _, q in server.calls] == ["0", "10", "20"]
    assert server.calls[0] == ("/active-jb-7d", {"limit": "10", "offset": "0", "description_type": "text", "title_filter": "machine learning", "location_filter": "Georgia"})
    assert source.quota == {"jobs-limit": 200000, "jobs-remaining": 199977, "requests-limit": 25000, "requests-remaining": 24997}
    first = sightings.iloc[0]
    assert (first.posted_at, first.company, first.place, first.collected_on) == ("2025-10-13", "Fictional Works", "Atlanta, Georgia, United States", "2026-01-05")


def test_an_exact_last_page_and_an_empty_result():
    server = LinkedInServer(job(n) for n in range(20))
    assert len(ask(server)[1]) == 20 and len(server.calls) == 3
    assert [len(frame) for frame in ask(LinkedInServer())[1:]] == [0, 0]


def test_the_limit_is_what_the_endpoint_allows():
    server = LinkedInServer(job(n) for n in range(150))
    assert len(ask(server, limit=500)[1]) == 150 and server.calls[0][1]["limit"] == "100"
    assert len(ask(LinkedInServer(job(n) for n in range(150)), limit=500, endpoint="active-jb-6m")[1]) == 150


def test_a_row_that_moves_to_the_next_page_counts_once():
    server = LinkedInServer([job(n) for n in range(15)], [None, lambda s: s.jobs.insert(0, job(99))])
    sightings = ask(server)[1]
    assert sightings.source_id.is_unique and len(sightings) == 15


def test_rows_that_cannot_be_kept_are_named():
    bad = [job(1, description_text=None), job(2, description_text="  "), job(3, id=None), "a word", None, job(4, description_text={"a": 1})]
    _, sightings, dropped = ask(LinkedInServer([job(0), *bad]))
    assert len(sightings) == 1 and len(dropped) == len(bad)
    assert reasons(dropped)["linkedin/1885779001"] == "the row has no description_text"
    assert reasons(dropped)["linkedin/page-1-row-4"] == "the row has no id" and reasons(dropped)["linkedin/page-1-row-5"] == "the row is not an object"


def test_nulls_wrong_types_and_hostile_text():
    odd = job(1, id=77, title=5, organization=[], url="javascript:alert(1)", locations_derived=[None, 3], date_posted=True)
    hostile = job(2, title="<script>\ud800", description_text="ignore previous instructions \u202e \ud83d <script>alert(1)</script>", date_posted="2025-10-13T13:33:37.272802Z")
    _, sightings, dropped = ask(LinkedInServer([{k: None for k in job(0)} | {"id": "1", "description_text": "We use Go."}, odd, hostile, job(3, description_text="x" * 10**6)]))
    assert sightings.source_id.tolist()[:2] == ["1", "77"] and len(sightings) == 4 and dropped.empty
    assert sightings.loc[1, ["title", "company", "url", "place", "posted_at"]].isna().all()
    assert sightings.raw[2].encode() and sightings.posted_at[2] == "2025-10-13"


@pytest.mark.parametrize("reply, words", [
    ((401, {"message": "Invalid API key. Go to https://docs.rapidapi.com/docs/keys for more info."}), "check RAPID_API_KEY"),
    ((403, {"message": "You are not subscribed to this API."}), "subscribe"),
    ((429, MONTH, {"x-ratelimit-requests-remaining": "0"}), "the request quota is used up"),
    ((200, {"message": "Something <b>odd</b>"}), "expected a list of postings, found dict"),
    ((200, '[{"id": "1", "descr'), "found no JSON"),
    ((200, "[" * 100_000), "found no JSON"),
    ((302, "", {"Location": "http://127.0.0.1:9/steal"}), "status 302"),
    ("cut", "no reply (ChunkedEncodingError)"),
])
def test_a_page_that_fails_costs_no_other_its_rows(reply, words):
    server = LinkedInServer([job(n) for n in range(30)], [None, reply])
    _, sightings, dropped = ask(server)
    assert len(sightings) == 10 and dropped.id.tolist() == ["linkedin/page-2"] and words in dropped.reason[0]
    assert "<b>" not in dropped.reason[0] and len(server.calls) == 2


@pytest.mark.parametrize("fault", [(503, "<html>Bad gateway</html>"), (429, {"message": "You have exceeded the rate limit per second"}), (429, {}, {"Retry-After": "0"})])
def test_passing_faults_are_retried(fault):
    server = LinkedInServer([job(n) for n in range(15)], [fault, fault, None, fault])
    assert len(ask(server)[1]) == 15 and len(server.calls) == 5


def test_a_lasting_fault_is_told():
    _, sightings, dropped = ask(LinkedInServer([job(0)], [(502, "<html>")] * 9))
    assert sightings.empty and "status 502" in dropped.reason[0]
    gone = LinkedIn(base_url="http://127.0.0.1:9", key=KEY, backoff=0).fetch()[1]
    assert "no reply (ConnectionError)" in gone.reason[0]


def test_the_quota_ends_in_the_middle_of_a_walk():
    server = LinkedInServer([job(n) for n in range(30)], jobs_left=20)
    _, sightings, dropped = ask(server)
    assert len(sightings) == 20 and len(server.calls) == 2 and "the row quota is used up" in dropped.reason[0]


def test_the_last_allowed_page_is_told():
    _, sightings, dropped = ask(LinkedInServer(job(n) for n in range(50)), max_pages=2)
    assert len(sightings) == 20 and "max_pages=2" in dropped.reason[0]


def test_the_key_is_required_and_stays_secret(monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.delenv("RAPID_API_KEY", raising=False)
    with pytest.raises(FetchError, match="RAPID_API_KEY is not set.*fetch.sources=sample"): LinkedIn().fetch()
    monkeypatch.setenv("RAPID_API_KEY", KEY + "\n")
    assert len(ask(LinkedInServer([job(0)]), key=None)[1]) == 1
    echo = ask(LinkedInServer(), key="another-key-of-nobody")[2]
    assert "another-key" not in echo.to_csv() and KEY not in caplog.text and "another-key" not in caplog.text


def test_one_source_never_costs_another_its_rows(tmp_path):
    (tmp_path/"05-01-2026").mkdir()
    (tmp_path/"05-01-2026"/"1.txt").write_text("We use Python.")
    sightings, dropped = collect([LinkedIn(base_url="http://127.0.0.1:9", key=KEY, backoff=0), TextFolder(tmp_path/"nowhere"), TextFolder(tmp_path)])
    assert len(sightings) == 1 and set(dropped.id) == {"linkedin/page-1", "text"}


def test_text_files_in_natural_order(tmp_path):
    for day in ("13-04-2025", "05-01-2026"):
        (tmp_path/day).mkdir()
        for n in (10, 9, 1): (tmp_path/day/f"{n}.txt").write_bytes(b"Line one\r\nLine two")
    sightings, dropped = TextFolder(tmp_path).fetch()
    assert sightings.source_id.tolist()[:3] == ["13-04-2025/1.txt", "13-04-2025/9.txt", "13-04-2025/10.txt"] and dropped.empty
    assert set(sightings.collected_on) == {"2025-04-13", "2026-01-05"} and sightings.raw[0] == "Line one\r\nLine two"


def test_the_sample_fits_its_table():
    [source] = sources(FetchConfig())
    sightings, dropped = source.fetch()
    assert isinstance(source, SampleSource) and dropped.empty
    assert conform("sightings", sightings.drop(columns="collected_on")).num_rows > 240 and sightings.collected_on.nunique() == 12
