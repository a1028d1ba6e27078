"""Shares and changes: right on published numbers, on planted trends, and quiet where nothing happens."""
import json
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from skillnb.label import truth
from skillnb.normalise import canonical
from skillnb.schema import conform
from skillnb.trends import changes, difference, monday, verdicts, weekly_shares, wilson


def store_of(ads):
    "What the tables would hold if nothing were lost: postings by day, mentions, links with the true skills."
    days, links = {}, []
    for ad in ads:
        for s in {x["collected_on"] for x in ad["source_ids"]}: days.setdefault(s, []).append((ad["ad_id"], ad["language"], None))
        links += [(ad["ad_id"], canonical(s).skill_id) for s in ad["skills"]]
    links = pd.DataFrame(links, columns=["posting_id", "skill_id"])
    return {d: pd.DataFrame(p, columns=["posting_id", "language", "duplicate_of"]) for d, p in sorted(days.items())}, links, links


@pytest.fixture(scope="module")
def planted():
    return json.loads(files("skillnb").joinpath("sample/trends.json").read_text(encoding="utf-8"))


def test_published_intervals():
    "Newcombe 1998, table I of p. 857 (method 3) and table II of p. 873 (method 10)."
    assert np.round(wilson([81, 15, 0, 1], [263, 148, 20, 29]), 4).T.tolist() == [[.2553, .3662], [.0624, .1605], [0, .1611], [.0061, .1718]]
    assert np.round(difference(np.array([48, 3]), np.array([80, 10]), np.array([56, 9]), np.array([70, 10])), 4).T.tolist() == [[.0524, .3339], [.1705, .809]]


def test_planted_shares_come_back(planted):
    trends = weekly_shares(*store_of(truth()))
    assert conform("trends", trends).num_rows == len(trends)
    total = trends.drop_duplicates("week").sort_values("week").n_total.tolist()
    assert total == planted["open"]
    for name, skill in planted["skills"].items():
        mine = trends[trends.skill_id == canonical(name, skill["kind"]).skill_id].sort_values("week")
        assert mine.share.round(3).tolist() == pytest.approx(skill["realised"], abs=.0015), name


def test_planted_movers_are_found_and_the_steady_are_not(planted):
    change = changes(*store_of(truth()), window=6).set_index("skill_id")
    moved = {"rising": "rising", "new": "rising", "falling": "falling", "fading": "falling"}
    seen = {n: change.verdict[canonical(n, s["kind"]).skill_id] for n, s in planted["skills"].items()}
    wrong = {n: v for n, v in seen.items() if v in ("rising", "falling") and v != moved.get(planted["skills"][n]["shape"])}
    assert not wrong
    assert {"RAG", "AI agents", "Model Context Protocol"} <= {n for n, v in seen.items() if v == "rising"}
    assert "Hadoop" in {n for n, v in seen.items() if v == "falling"}


def test_below_the_floor_nothing_is_said():
    assert verdicts(np.array([0]), np.array([100]), np.array([19]), np.array([100]), floor=20).tolist() == ["can't tell"]
    assert verdicts(np.array([0]), np.array([100]), np.array([20]), np.array([100]), floor=20).tolist() == ["rising"]


@pytest.mark.parametrize("n", [50, 200, 1000])
def test_false_alarms_are_as_rare_as_promised(n):
    "Nothing changes in 400 skills; in at most about one run of twenty is anything announced."
    rng, total = np.random.default_rng(n), np.full(400, n)
    share = rng.beta(.6, 4, 400)
    runs = [np.isin(verdicts(rng.binomial(n, share), total, rng.binomial(n, share), total), ["rising", "falling"]).any() for _ in range(200)]
    assert np.mean(runs) <= .09


def test_false_discoveries_among_true_ones():
    "A fifth of the skills changes; of what is announced at most one in twenty did not."
    rng, total, false, all_ = np.random.default_rng(1), np.full(500, 300), 0, 0
    for _ in range(60):
        share = rng.uniform(.05, .5, 500)
        after = share + np.where(np.arange(500) < 100, .15, 0)
        v = np.isin(verdicts(rng.binomial(300, share), total, rng.binomial(300, after), total), ["rising", "falling"])
        false, all_ = false + v[100:].sum(), all_ + v.sum()
    assert all_ > 2000 and false / all_ < .06


def test_wilson_covers():
    rng = np.random.default_rng(0)
    for p in (.02, .1, .5):
        low, high = wilson(rng.binomial(60, p, 4000), np.full(4000, 60))
        assert .92 < np.mean((low <= p) & (p <= high)) < .98


def postings(*rows): return pd.DataFrame(rows, columns=["posting_id", "language", "duplicate_of"])


def test_a_posting_counts_once_a_week_and_in_every_week_it_is_open():
    days = {"2026-01-05": postings(("a", "en", None), ("copy", "en", "a")), "2026-01-07": postings(("a", "en", None), ("b", "en", None)),
            "2026-01-19": postings(("copy", "en", "a"))}
    links = pd.DataFrame({"posting_id": ["a", "a", "b"], "skill_id": ["sql", "sql", "go"]})
    trends = weekly_shares(days, links, links).set_index(["skill_id", "week"])
    assert trends.loc["sql", "n_postings"].tolist() == [1, 1] and trends.loc["sql", "n_total"].tolist() == [2, 1]
    assert trends.loc["go", "n_postings"].tolist() == [1, 0]


def test_a_language_that_was_not_read_does_not_count():
    days = {"2026-01-05": postings(("a", "en", None), ("c", "en", None), ("d", "de", None))}
    links = pd.DataFrame({"posting_id": ["a"], "skill_id": ["sql"]})
    assert weekly_shares(days, links, links).n_total.tolist() == [2]


def test_weeks_begin_on_monday():
    assert [str(monday(d).date()) for d in ("2025-04-13", "2025-04-14", "2024-12-31")] == ["2025-04-07", "2025-04-14", "2024-12-30"]


def test_nothing_in_nothing_out():
    nothing = pd.DataFrame({"posting_id": [], "skill_id": []})
    for days in ({}, {"2026-01-05": postings()}):
        assert len(weekly_shares(days, nothing, nothing)) == len(changes(days, nothing, nothing)) == 0
