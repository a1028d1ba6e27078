"""Hacker News, the boards of employers and the open feeds, against servers of their documented shapes and recorded replies."""
import json

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from servers import BAD_GATEWAY, LEGAL, BoardsServer, HNServer, arbeitnow_job, ashby_job, comment, greenhouse_job, lever_job, remoteok_job, remotive_job
from skillnb.boards import KINDS, Board
from skillnb.config import FetchConfig, HNConfig
from skillnb.fetch import collect
from skillnb.hn import HackerNews, header, threads
from skillnb.schema import conform
from skillnb.source import Harvest, frames
from skillnb.web import Web

ADVERT = ("Acme (<a href=\"https:&#x2F;&#x2F;acme.example\">https:&#x2F;&#x2F;acme.example</a>) | ML Engineer, Data Scientist | Bern or REMOTE (EU) | Full-time"
          "<p>We&#x27;re five people who do machine learning. Five roles:<p>- ML Engineer<p>- SRE<p><pre><code>pip install acme</code></pre>")


def told(found):
    "The collection, after a look that every frame fits its table."
    for t in ("sightings", "dropped"): conform(t, getattr(found, t).drop(columns="collected_on"))
    assert conform("calls", found.calls).num_rows and not found.dropped.reason.str.contains("mistake in skillnb|skillnb cannot").any()
    return found


def hn(server, **given):
    with server.serve() as address: return told(collect([HackerNews(HNConfig(base_url=address, **given), Web("hn", 5, 0, backoff=0))], "2026-05-02"))


def board(name, server, calls=None, **given):
    "One fetch of a kind of board; `eu_base_url` is the same server."
    with server.serve() as address:
        own = {"base_url": address} | ({"eu_base_url": address} if name == "lever" else {}) | {k: v for k, v in given.items() if k != "topic"}
        config = FetchConfig(**{name: own}, **({"topic": given["topic"]} if "topic" in given else {}))
        return told(collect([Board(KINDS[name], config, Web(name, 5, 0, backoff=0), calls)], "2026-08-04"))


def reasons(found): return dict(zip(found.dropped.id, found.dropped.reason))


def test_hacker_news():
    reply = comment(9, "We sell a machine learning course | Engineer | Remote", parent_id=1)
    rows = [comment(1, ADVERT, children=[reply]), comment(2, None, author=None), comment(3, "Rust shop | Rust developer | Wien"), {"id": 4, "parent_id": 100}]
    found = hn(HNServer(rows, title="Ask HN: Who is Hiring? (May 2026)"))
    [row] = found.sightings.to_dict("records")
    assert (row["company"], row["title"], row["place"], row["remote"], row["employment_type"]) == ("Acme", "ML Engineer, Data Scientist", "Bern; EU", True, "FULL_TIME")
    assert (row["url"], row["posted_at"]) == ("https://news.ycombinator.com/item?id=1", "2026-05-01")
    assert "<" not in row["raw"] and "We're five people" in row["raw"] and "\n- SRE\n" in row["raw"] and "user1" not in found.sightings.to_csv()
    assert reasons(found) == {"hn/2": "deleted comment", "hn/3": "names none of fetch.topic", "hn/4": "deleted comment"}
    assert found.sources.home[0].startswith("https://news.ycombinator.com") and not found.failed


def test_hacker_news_without_bars_and_with_pay():
    rows = [comment(1, "Oslo, Norway<p>Fjord Maps (YC W26) is looking for machine learning engineers."), comment(2, "We are hiring for machine learning."),
            comment(3, "Acme | ML Engineer | Bern | €90k - 120k | we do machine learning"), comment(4, "Acme | NLP Engineer | $500k raised | machine learning")]
    found = hn(HNServer(rows)).sightings.set_index("source_id")
    assert found.company.where(found.company.notna(), None).tolist() == ["Fjord Maps", None, "Acme", "Acme"]
    assert found.loc["3", ["salary_min", "salary_max", "salary_currency", "salary_period"]].tolist() == [90_000, 120_000, "EUR", "year"]
    assert found.salary_min.notna().sum() == 1


def test_a_thread_longer_than_the_search_allows():
    server = HNServer([comment(n, f"Acme {n} | ML Engineer | Bern") for n in range(1, 1101)])
    assert server.answer("/search_by_date", {"tags": "comment,story_100", "hitsPerPage": "1000"}, {})[1]["nbPages"] == 1   # a hundred would be missing
    assert len(hn(server).sightings) == 1100


@pytest.mark.parametrize("replies, words, kept", [
    ([(500, {"message": "Cannot reach any hosts"})] * 5, "Cannot reach any hosts", 0), ([(429, {"message": "Too many"})] * 5, "asked too often", 0),
    ([None, (404, {"status": 404, "error": "Not Found"})], "the thread is gone", 0), ([None] + ["half"] * 5, "no complete JSON", 0),
    ([(200, {"hits": None})], "expected a list of postings under 'hits'", 0), ([None, "cut", "cut"], "", 1)])
def test_hacker_news_out_of_order(replies, words, kept):
    found = hn(HNServer([comment(1, ADVERT)], replies))
    assert len(found.sightings) == kept and (words in found.dropped.reason.to_list()[0] if words else found.dropped.empty)


def test_no_hiring_thread():
    assert "no hiring thread among 3 stories" in hn(HNServer(title="Tell HN: something")).dropped.reason[0]


def recorded(shared, name):
    "The bodies of a recording, as the real server sent them."
    return [json.loads(i["response"]["body"]["string"]) for i in yaml.safe_load((shared/"hn"/name).read_text())["http_interactions"]]


def test_replies_of_the_real_server(shared):
    found = [threads(reply["hits"], 99) for reply in recorded(shared, "search_by_date.yml")]
    assert sum(map(len, found)) > 20 and all(i.isdecimal() for ids in found for i in ids)
    [thread] = recorded(shared, "items_2396027.yml")
    server = HNServer(title=thread["title"])
    server.threads = {100: thread["children"]}
    with server.serve() as address:
        got = told(collect([HackerNews(HNConfig(base_url=address), Web("hn", 5, 0, backoff=0), topic=())], "2011-04-02"))
    top = [c for c in thread["children"] if c["text"]]
    assert len(thread["children"]) == len(got.sightings) + len(got.dropped) == 219 and len(got.sightings) == len(top)
    assert set(got.sightings.posted_at.str[:7]) == {"2011-04"} and not got.sightings.raw.str.contains(r"<p>|[\w.]+@[\w-]+\.\w").any()


def test_server_keys_are_those_recorded(shared):
    [thread] = recorded(shared, "items_2396027.yml")
    assert set(comment(1, "x")) == set(thread["children"][0])
    assert set(HNServer().answer("/search_by_date", {"tags": "story"}, {})[1]) <= set(recorded(shared, "search_by_date.yml")[0])


def test_greenhouse():
    rows = [greenhouse_job(1), greenhouse_job(2, internal_job_id=None), greenhouse_job(3, title="Account Executive"), greenhouse_job(4, metadata=None, location=None, content=None)]
    found = board("greenhouse", BoardsServer({("greenhouse", "acme"): rows}), companies=("acme", "nobody"))
    [row] = found.sightings.to_dict("records")
    assert (row["source_id"], row["place"], row["posted_at"], row["remote"]) == ("acme/8559344001", "Tokyo, Japan; Bern", "2026-06-29", None)
    assert row["raw"] == "We use Python & SQL.\n• Kubernetes"
    assert list(reasons(found).values()) == ["a prospect post, no opening", "its title names none of fetch.topic", "the row has no text",
                                             'status 404 ("Job not found"): no board is called \'nobody\': check fetch.greenhouse.companies']
    assert not found.failed


def test_greenhouse_without_bodies_is_told():
    "The server leaves the bodies out when it is not asked for them; so do we not."
    assert "content" not in BoardsServer({("greenhouse", "acme"): [greenhouse_job(1)]}).answer("/v1/boards/acme/jobs", {}, {})[1]["jobs"][0]


def test_lever():
    rows = [lever_job(1), lever_job(2, workplaceType="unspecified", salaryRange=None, lists=None, createdAt=None)]
    found = board("lever", BoardsServer({("lever", "acme"): rows, ("lever", "empty"): []}), companies=("acme", "eu:acme", "empty", "nobody"))
    row, other, european = found.sightings.to_dict("records")[:3]
    assert row["raw"].split() == "We build things. Qualifications • Python • Rust Apply soon.".split()
    assert (row["salary_min"], row["salary_max"], row["salary_currency"], row["salary_period"]) == (100000.0, 150000.0, "USD", "year")
    assert (row["remote"], row["posted_at"], row["company"], row["employment_type"]) == (False, "2019-03-21", "acme", "FULL_TIME")
    assert (other["remote"], other["salary_min"], other["posted_at"]) == (None, None, None) and european["source_id"].startswith("eu:acme/")
    assert len(found.sightings) == 4 and "no board is called 'nobody'" in found.dropped.reason[0] and len(found.dropped) == 1


def test_lever_pages_when_it_has_to():
    rows = [lever_job(n) for n in range(250)]
    assert len(board("lever", BoardsServer({("lever", "acme"): rows}), companies=("acme",)).sightings) == 250          # the whole board at once
    assert len(board("lever", BoardsServer({("lever", "acme"): rows}, per_page=100), companies=("acme",)).sightings) == 250


def test_ashby():
    rows = [ashby_job(1), ashby_job(2, isListed=False), ashby_job(3, isRemote=True, workplaceType="Hybrid", compensation=None), ashby_job(4, isRemote=True)]
    found = board("ashby", BoardsServer({("ashby", "acme"): rows}), companies=("acme", "nobody"))
    assert found.sightings.remote.tolist() == [None, False, True] and found.sightings.salary_max.tolist() == [87000.0, None, 87000.0]
    assert found.sightings.place[0] == "San Francisco; Bern" and list(reasons(found).values())[0] == "unlisted" and "nobody" in found.dropped.reason[1]


def test_arbeitnow_turns_while_it_is_read():
    rows = [arbeitnow_job(n) for n in range(45)]
    server = BoardsServer({("arbeitnow", ""): rows}, per_page=20)
    found = board("arbeitnow", server)
    assert found.sightings.source_id.is_unique and len(found.sightings) > 40 and set(found.sightings.raw) == {"We use Python."}
    assert set(found.sightings.remote) == {True, False} and found.sightings.posted_at[0] == "2026-08-03"
    told_ = board("arbeitnow", BoardsServer({("arbeitnow", ""): rows}, per_page=20), max_pages=1)
    assert "max_pages=1" in told_.dropped.reason[0]


def test_remoteok():
    found = board("remoteok", BoardsServer({("remoteok", ""): [remoteok_job(1), remoteok_job(2, salary_min=80000, salary_max=0), remoteok_job(3, position="Chef")]}))
    assert (found.sightings.place.tolist(), found.sightings.salary_min.tolist(), found.sightings.salary_max.tolist()) == (["Cambridge"] * 2, [None, 80000.0], [None] * 2)
    assert "Python’s tools" in found.sightings.raw[0] and found.sightings.remote.tolist() == [True, True] and found.sources.link[0] == "followed"
    assert reasons(found) == {"remoteok/1136003": "its title names none of fetch.topic"} and LEGAL["legal"]


def test_remotive_is_asked_four_times_a_day_at_most():
    server = BoardsServer({("remotive", ""): [remotive_job(1), remotive_job(2, job_type=None)]})
    found = board("remotive", server)
    assert found.sightings.employment_type.tolist() == ["FULL_TIME", None] and found.sightings.place[0] == "Americas, Europe"
    broken = board("remotive", BoardsServer({}, [(502, BAD_GATEWAY)] * 9))
    assert len(broken.calls) == 4 and broken.failed
    server = BoardsServer({("remotive", ""): [remotive_job(1)]})
    with server.serve() as address:
        again = collect([Board(KINDS["remotive"], FetchConfig(remotive={"base_url": address}), Web("remotive", 5, 0), broken.calls)])
    assert server.calls == [] and "at most 4 calls a day" in again.dropped.reason[0] and not again.failed


def test_one_board_never_costs_another_its_rows():
    server = BoardsServer({("greenhouse", c): [greenhouse_job(1)] for c in "abc"}, [None] + [(502, BAD_GATEWAY)] * 5)
    found = board("greenhouse", server, companies=("a", "b", "c"))
    assert found.sightings.source_id.tolist() == ["a/8559344001", "c/8559344001"] and found.dropped.id.tolist() == ["greenhouse/b/page-1"] and found.failed


def test_a_company_is_no_path():
    server = BoardsServer({("lever", "a"): [lever_job(1)]})
    board("lever", server, companies=("../../v1/boards/a", "x?y=1"))
    assert all(path.startswith("/v0/postings/") and path.count("/") == 3 for path, _ in server.calls)


JOBS = {"greenhouse": greenhouse_job, "lever": lever_job, "ashby": ashby_job, "arbeitnow": arbeitnow_job, "remoteok": remoteok_job, "remotive": remotive_job}
values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=30) | st.sampled_from(["<p>Go</p>", "ML Engineer"]),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "location", "content", "summaryComponents", "min"]), inner, max_size=3), max_leaves=5)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(JOBS)), st.data())
def test_whatever_a_row_holds_it_is_kept_or_dropped(name, data):
    received = []
    for n in range(4):
        row = JOBS[name](n, **data.draw(st.dictionaries(st.sampled_from(sorted(set(JOBS[name](0)) - {"id", "slug"})), values, max_size=6)))
        received.append(json.loads(json.dumps(data.draw(st.just(row) | values.map(lambda v, n=n: f"{n} {v!r}")))))
    h = Harvest(name, "2026-01-05")
    reader = Board(KINDS[name], FetchConfig(topic=()))
    for n, row in enumerate(received): h.take(row, f"row-{n}", lambda r: reader._read(r, "acme"))
    sightings, dropped = frames([h])
    assert len(sightings) + len(dropped) == 4 and not dropped.reason.str.contains("skillnb").any()
    for t, frame in (("sightings", sightings), ("dropped", dropped)): conform(t, frame.drop(columns="collected_on"))


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("Acme|REMOTE |<p>ML Engineer()$&;/\n\ud800"), max_size=80))
def test_any_first_line_is_read(text):
    assert set(header(text)) <= {"company", "title", "place", "remote", "employment_type"}
