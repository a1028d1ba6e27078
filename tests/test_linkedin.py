"""LinkedIn Job Search against a server of its documented shape: pages that move, quotas, faults, rows of any kind."""
import json
import random
from datetime import datetime, timezone

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from servers import A_MONTH, A_SECOND, BAD_GATEWAY, INVALID, KEY, NOT_SUBSCRIBED, LinkedInServer, job
from skillnb.config import LinkedInConfig
from skillnb.fetch import collect
from skillnb.linkedin import LinkedIn
from skillnb.schema import conform
from skillnb.source import FetchError, Harvest
from skillnb.web import Web


def ask(server, key=KEY, calls=None, **filters):
    "The `Collection` of one fetch from `server`; every frame fits its table, and the key is in none."
    with server.serve() as address:
        source = LinkedIn(LinkedInConfig(base_url=address, **{"limit": 20} | filters), Web("linkedin", 5, 0, key=key, backoff=0), calls)
        found = collect([source], "2026-01-05")
    for t in ("sightings", "dropped"): conform(t, getattr(found, t).drop(columns="collected_on"))
    conform("calls", found.calls)
    assert KEY not in found.sightings.to_csv() + found.dropped.to_csv() + found.calls.to_csv() + repr(source)
    assert not found.dropped.reason.str.contains("skillnb").any()
    return found


def reasons(found): return dict(zip(found.dropped.id, found.dropped.reason))


def test_the_server_is_what_the_documentation_says():
    server = LinkedInServer([job(n) for n in range(23)])
    assert list(job(0)) and server.answer("/active-jb-7d", {}, {"x-rapidapi-host": "x"})[0] == 403
    head = {"x-rapidapi-host": "x", "x-rapidapi-key": KEY}
    status, rows, quota = server.answer("/active-jb-7d", {"limit": "10", "offset": "20"}, head)
    assert status == 200 and len(rows) == 3 and "description_text" not in rows[0]     # description_type is missing
    assert quota["x-ratelimit-jobs-remaining"] == "199997" and quota["x-ratelimit-requests-remaining"] == "24999"
    assert server.answer("/active-jb-9d", {}, head)[0] == 404 and server.answer("/active-jb-6m", {"offset": "99"}, head)[1] == []


def test_every_page_and_a_second_look_at_the_front():
    server = LinkedInServer(job(n) for n in range(50))
    found = ask(server, location_filter="Georgia")
    assert len(found.sightings) == 50 and found.sightings.source_id.is_unique and found.dropped.empty and not found.failed
    assert [(int(q["offset"]), int(q["limit"])) for _, q in server.calls] == [(0, 20), (19, 19), (36, 18), (0, 20)]
    assert server.calls[0] == ("/active-jb-7d", {"limit": "20", "offset": "0", "description_type": "text", "title_filter": "machine learning", "location_filter": "Georgia"})
    assert found.calls.jobs_left.tolist()[-1] == 200_000 - 20 - 19 - 14 - 20 and set(found.calls.outcome) == {"rows"}


@pytest.mark.parametrize("endpoint, limit, most", [("active-jb-7d", 500, 100), ("active-jb-24h", 100, 100), ("active-jb-6m", 500, 500)])
def test_the_limit_is_what_the_endpoint_allows(endpoint, limit, most):
    server = LinkedInServer(job(n) for n in range(650))
    assert len(ask(server, endpoint=endpoint, limit=limit).sightings) == 650
    assert server.calls[0][0] == f"/{endpoint}" and max(int(q["limit"]) for _, q in server.calls) == most
    assert all(int(q["offset"]) % int(q["limit"]) == 0 for _, q in server.calls)


@pytest.mark.parametrize("seed", range(30))
def test_rows_that_come_and_go_between_pages_are_neither_lost_nor_doubled(seed):
    """Between any two calls rows arrive at the front, and rows anywhere are taken down. Every row that was there from the
    first call to the last is found, and every one that arrived and stayed."""
    rng, gone, new = random.Random(seed), set(), []
    def move(server):
        for _ in range(rng.choice([0, 0, 1, 3])): new.append(job(1000 + len(new))); server.jobs.insert(0, new[-1])
        for _ in range(rng.choice([0, 0, 1, 7])): gone.add(server.jobs.pop(rng.randrange(len(server.jobs)))["id"])
    server = LinkedInServer([job(n) for n in range(rng.randrange(30, 160))], [None] + [move] * 6)
    start = {j["id"] for j in server.jobs}
    found = ask(server, max_pages=60)
    assert found.sightings.source_id.is_unique and found.dropped.empty
    kept = set(found.sightings.source_id)
    assert start - gone <= kept and {j["id"] for j in new} - gone <= kept


@pytest.mark.parametrize("page, at", [(1, 5), (1, 19), (2, 0), (2, 18), (2, 30), (3, 36), (3, 45)])
def test_a_row_taken_down_in_the_middle_moves_the_later_ones_forward_and_none_is_lost(page, at):
    "After `page` pages the row `at` goes, so that what would have begun the next page now ends the one already read."
    gone = []
    server = LinkedInServer([job(n) for n in range(50)], [None] * page + [lambda s: gone.append(s.jobs.pop(at)["id"])])
    start = {j["id"] for j in server.jobs}
    found = ask(server)
    assert found.sightings.source_id.is_unique and found.dropped.empty and not found.failed
    assert start - set(gone) <= set(found.sightings.source_id) <= start


@pytest.mark.parametrize("n", [1, 3, 7, 15])
def test_rows_that_vanish_between_pages_while_others_arrive(n):
    "As many come at the front as go from the middle, so that no offset tells that anything moved."
    new, gone = [], set()
    def move(server):
        for _ in range(n):
            new.append(job(1000 + len(new)))
            server.jobs.insert(0, new[-1])
            gone.add(server.jobs.pop(len(server.jobs) // 2)["id"])
    server = LinkedInServer([job(k) for k in range(90)], [None, move, move])
    start = {j["id"] for j in server.jobs}
    found = ask(server, max_pages=60)
    assert found.sightings.source_id.is_unique and (start | {j["id"] for j in new}) - gone <= set(found.sightings.source_id)


def test_duplicated_pages_end():
    class Stuck(LinkedInServer):
        def page(self, path, query): return super().page(path, query | {"offset": 0})
    server = Stuck(job(n) for n in range(40))
    found = ask(server, max_pages=50)
    assert len(found.sightings) == 20 and len(server.calls) < 10


def test_rows_that_cannot_be_kept_are_named():
    bad = [job(1, description_text=None), job(2, description_text="  "), job(3, id=None), "a word", None, job(4, description_text={"a": 1})]
    found = ask(LinkedInServer([job(0), *bad]))
    assert len(found.sightings) == 1 and len(found.dropped) == len(bad)
    assert reasons(found)["linkedin/1885779001"] == "the row has no description_text" and reasons(found)["linkedin/1885779004"] == "the row has no text"
    assert reasons(found)["linkedin/page-1-row-4"] == "the row has no id" and reasons(found)["linkedin/page-1-row-5"] == "the row is not an object"


def test_nulls_wrong_types_and_hostile_text():
    odd = job(1, id=77, title=5, organization=[], url="javascript:alert(1)", locations_derived=[None, 3], date_posted=True, remote_derived="yes", salary_raw=[1])
    hostile = job(2, title="<script>\ud800</script>ML", description_text="ignore previous instructions \u202e \ud83d <script>alert(1)</script>", date_posted="2025-10-13T13:33:37.272802Z")
    old = job(4, date_posted="2025-08-13T13:34:45.7")
    found = ask(LinkedInServer([{k: None for k in job(0)} | {"id": "1", "description_text": "We use Go."}, odd, hostile, job(3, description_text="x" * 10**6), old])).sightings.set_index("source_id")
    assert list(found.index) == ["1", "77", hostile["id"], "1885779003", old["id"]]
    assert found.loc["77", ["title", "company", "url", "place", "posted_at", "remote", "salary_min"]].isna().all()
    assert found.loc["1"].drop(["source", "raw", "collected_on"]).isna().all()
    row = found.loc[hostile["id"]]
    assert row.raw.startswith("ignore previous instructions") and "script" not in row.raw and "\u202e" not in row.raw and row.title == "ML" and row.raw.encode()
    assert row.posted_at == "2025-10-13" and len(found.loc["1885779003"].raw) == 10**6 and found.loc[old["id"]].posted_at == "2025-08-13"


@pytest.mark.parametrize("reply, words, again", [
    ((401, INVALID), "RAPID_API_KEY", True),
    ((403, NOT_SUBSCRIBED), "subscribed to this interface: RAPID_API_KEY", True),
    ((429, A_MONTH, {"x-ratelimit-requests-remaining": "0"}), "the request quota is used up", False),
    ((429, A_MONTH), "the request quota is used up", False),
    ((200, {"message": "Something <b>odd</b>"}), "expected a list of postings, found dict", True),
    ((404, {"message": "Endpoint does not exist"}), "check fetch.linkedin.endpoint", True),
    ((302, "", {"Location": "http://127.0.0.1:9/steal"}), "status 302", True),
])
def test_a_page_that_fails_costs_no_other_its_rows(reply, words, again):
    server = LinkedInServer([job(n) for n in range(50)], [None, reply])
    found = ask(server)
    assert len(found.sightings) == 20 and found.dropped.id.tolist() == ["linkedin/page-2"] and words in found.dropped.reason[0]
    assert "<b>" not in found.dropped.reason[0] and len(server.calls) == 2 and found.failed == again


@pytest.mark.parametrize("fault", [(502, BAD_GATEWAY), (429, A_SECOND), "cut", "half", "closed"], ids=str)
def test_passing_faults_cost_nothing_and_lasting_ones_only_what_follows(fault):
    assert len(ask(LinkedInServer([job(n) for n in range(50)], [None, fault, fault, None, fault])).sightings) == 50
    found = ask(LinkedInServer([job(n) for n in range(50)], [None] + [fault] * 9))
    assert len(found.sightings) == 20 and found.failed and found.dropped.id.tolist() == ["linkedin/page-2"] and len(found.calls) == 6


def test_nobody_listens():
    found = collect([LinkedIn(LinkedInConfig(base_url="http://127.0.0.1:9"), Web("linkedin", pause=0, key=KEY, backoff=0))])
    assert "no reply (ConnectionError)" in found.dropped.reason[0] and found.failed


def test_it_stops_before_the_row_quota_does():
    server = LinkedInServer([job(n) for n in range(90)], jobs_left=52)
    found = ask(server)
    assert server.jobs_left >= 0 and all(int(q["limit"]) <= left for (_, q), left in zip(server.calls[1:], found.calls.jobs_left))
    assert len(found.sightings) >= 40 and not found.failed
    [why] = found.dropped.reason
    assert "stopped before the row quota is used up" in why and "29.0 days" in why and "more rows may follow" in why


def test_it_does_not_begin_with_a_spent_quota():
    now = datetime.now(timezone.utc).isoformat()
    calls = pd.DataFrame([{"source": "linkedin", "called_at": now, "jobs_left": 3, "requests_left": 9, "reset_seconds": 86400}])
    server = LinkedInServer([job(0)])
    found = ask(server, calls=calls)
    assert server.calls == [] and "3 rows are left" in found.dropped.reason[0]
    assert len(ask(server, calls=calls.assign(reset_seconds=0)).sightings) == 1      # the plan began anew


def test_the_request_quota_ends_in_the_middle_of_a_walk():
    found = ask(LinkedInServer([job(n) for n in range(90)], requests_left=2))
    assert len(found.sightings) == 38 and "the request quota is used up" in found.dropped.reason[0] and not found.failed


def test_the_last_allowed_page_is_told():
    found = ask(LinkedInServer(job(n) for n in range(90)), max_pages=2)
    assert len(found.sightings) == 38 and "max_pages=2" in found.dropped.reason[0]


def test_the_key_is_required_and_stays_secret(monkeypatch):
    monkeypatch.delenv("RAPID_API_KEY", raising=False)
    with pytest.raises(FetchError, match="RAPID_API_KEY is not set.*fetch.sources=hn"): LinkedIn().fetch(Harvest("linkedin", "2026-01-05"))
    monkeypatch.setenv("RAPID_API_KEY", KEY + "\n")
    assert len(ask(LinkedInServer([job(0)]), key=None).sightings) == 1
    echo = ask(LinkedInServer(), key="another-key-of-nobody")
    assert "another-key" not in echo.dropped.to_csv() and "rejected" in echo.dropped.reason[0]


values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=40)
                      | st.sampled_from(["2025-10-13T13:28:00", "https://a.example", "<p>We use <b>Go</b></p>", "&lt;br&gt;", "YEAR"]),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["address", "value", "currency", "minValue", "unitText"]), inner, max_size=3), max_leaves=6)
rows = st.fixed_dictionaries({}, optional={k: values for k in job(0)} | {"recruiter_name": values, "ai_salary_minvalue": values}) | values


@settings(max_examples=150, deadline=None)
@given(st.lists(rows, max_size=8))
def test_whatever_a_row_holds_it_is_kept_or_dropped(received):
    from skillnb.linkedin import read
    from skillnb.source import frames
    received = [r | {"id": n} if isinstance(r, dict) else f"{n} {r!r}" for n, r in enumerate(received)]
    received = json.loads(json.dumps(received))
    h = Harvest("linkedin", "2026-01-05")
    for n, row in enumerate(received): h.take(row, f"row-{n}", read)
    sightings, dropped = frames([h])
    assert len(sightings) + len(dropped) == len(received) and not dropped.reason.str.contains("skillnb").any()
    for t, frame in (("sightings", sightings), ("dropped", dropped)): conform(t, frame.drop(columns="collected_on"))
