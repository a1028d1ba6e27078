"""Shares and changes: right on published numbers, on planted trends, and quiet where nothing happens."""
import json
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skillnb.changes import changes, comparisons, contrast, difference, like_with_like, present, verdicts, windows
from skillnb.correct import audit, corrected
from skillnb.facets import facet_values, facets, kinds, sections
from skillnb.prompt import truth
from skillnb.normalise import canonical
from skillnb.schema import conform, empty
from skillnb.store import Store
from skillnb.together import next_skills, pairs, steps, wanted
from skillnb.trends import COUNTINGS, likeness, membership, mondays, panel, publish, weekly_shares, wilson


def panel_of(rows, links, company=None, duplicates=None):
    "A panel from (posting, source, day) rows and (posting, skill) links."
    texts = pd.DataFrame(rows, columns=["posting_id", "source", "collected_on"])
    ids = sorted(set(texts.posting_id) | set(duplicates or {}))
    postings = pd.DataFrame([(i, (duplicates or {}).get(i), "en", (company or {}).get(i)) for i in ids],
                            columns=["posting_id", "duplicate_of", "language", "company"], dtype=object)
    return panel(texts, postings, postings, pd.DataFrame(links, columns=["posting_id", "skill_id"], dtype=object))


@pytest.fixture(scope="module")
def planted():
    return json.loads(files("skillnb").joinpath("sample/trends.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sample():
    "What the tables would hold if nothing were lost: the sample's ads with their true skills."
    ads = truth()
    rows = [(ad["ad_id"], "sample", x["collected_on"]) for ad in ads for x in ad["source_ids"]]
    links = sorted({(ad["ad_id"], canonical(s).skill_id) for ad in ads for s in ad["skills"]})
    return panel_of(rows, links, {ad["ad_id"]: ad["company"] for ad in ads})


def test_published_intervals():
    "Newcombe 1998, table I of p. 857 (method 3) and table II of p. 873 (method 10)."
    assert np.round(wilson([81, 15, 0, 1], [263, 148, 20, 29]), 4).T.tolist() == [[.2553, .3662], [.0624, .1605], [0, .1611], [.0061, .1718]]
    low, high = difference(np.array([48 / 80, .3]), np.array([.8, .9]), np.array([80, 10]), np.array([70, 10]))
    assert np.round([low, high], 4).T.tolist() == [[.0524, .3339], [.1705, .809]]


def test_planted_shares_come_back(planted, sample):
    trends = weekly_shares(sample)
    assert conform("trends", trends).num_rows == len(trends)
    assert trends.drop_duplicates("week").sort_values("week").n_total.tolist() == planted["open"]
    for name, skill in planted["skills"].items():
        mine = trends[trends.skill_id == canonical(name, skill["kind"]).skill_id].sort_values("week")
        assert mine.share.round(3).tolist() == pytest.approx(skill["realised"], abs=.0015), name


def test_planted_movers_are_found_and_the_steady_are_not(planted, sample):
    change = changes(sample, window=6).set_index("skill_id")
    moved = {"rising": "rising", "new": "rising", "falling": "falling", "fading": "falling"}
    seen = {n: change.loc[canonical(n, s["kind"]).skill_id] for n, s in planted["skills"].items()}
    assert not {n: r.verdict for n, r in seen.items() if r.verdict in ("rising", "falling") and r.verdict != moved.get(planted["skills"][n]["shape"])}
    assert {"RAG", "AI agents", "Model Context Protocol"} <= {n for n, r in seen.items() if r.verdict == "rising"}
    assert "Hadoop" in {n for n, r in seen.items() if r.verdict == "falling"}
    assert {n: r.note for n, r in seen.items() if isinstance(r.note, str)} == {"Model Context Protocol": "new", "Hadoop": "fading"}


def test_every_counting_keeps_numerator_and_denominator(sample):
    for counting in COUNTINGS:
        t = weekly_shares(sample, counting)
        assert ((t.n_postings / t.n_total - t.share).abs() < 1e-12).all() and (t.n_postings <= t.n_total).all()
        assert ((t.low <= t.share + 1e-12) & (t.share <= t.high + 1e-12)).all()
        assert (t.answer == np.where(t.n_total >= 20, "share", "not enough data")).all()
    open_, sightings = (weekly_shares(sample, c) for c in ("open", "sightings"))
    assert (sightings.n_total > open_.n_total).all() and ((sightings.high - sightings.low) >= (open_.high - open_.low) * .95).all()


def test_a_posting_counts_once_a_week_and_in_every_week_it_is_open():
    p = panel_of([("a", "s", "2026-01-05"), ("copy", "s", "2026-01-05"), ("a", "s", "2026-01-07"), ("b", "s", "2026-01-07"), ("copy", "s", "2026-01-19")],
                 [("a", "sql"), ("b", "go")], duplicates={"copy": "a"})
    trends = weekly_shares(p).set_index(["skill_id", "week"])
    assert trends.loc["sql", "n_postings"].tolist() == [1, 1] and trends.loc["sql", "n_total"].tolist() == [2, 1]
    assert trends.loc["go", "n_postings"].tolist() == [1, 0]
    assert weekly_shares(p, "sightings").query("skill_id == 'sql'").n_postings.tolist() == [3, 1]
    assert len(weekly_shares(p, "new")) == 0   # the first week is no news, and later ones brought nothing


def test_a_language_that_was_not_read_does_not_count():
    postings = pd.DataFrame({"posting_id": ["a", "c", "d"], "duplicate_of": None, "language": ["en", "en", "de"], "company": None}, dtype=object)
    texts = pd.DataFrame({"posting_id": ["a", "c", "d"], "source": "s", "collected_on": "2026-01-05"})
    links = pd.DataFrame({"posting_id": ["a"], "skill_id": ["sql"]})
    assert weekly_shares(panel(texts, postings, links, links)).n_total.tolist() == [2]


def test_weeks_begin_on_monday():
    assert mondays(pd.Series(["2025-04-13", "2025-04-14", "2024-12-31"])).dt.strftime("%Y-%m-%d").tolist() == ["2025-04-07", "2025-04-14", "2024-12-30"]


def test_nothing_in_nothing_out():
    p = panel_of([], [])
    named = pd.DataFrame(columns=["posting_id", "skill_id", "kind", "section"])
    for made in (weekly_shares(p), changes(p), comparisons(p), sections(p, named), kinds(p, named), pairs(p), steps(p, named), facets(p, facet_values(named)),
                 corrected(p, audit(named, named, [], p.skills))): assert len(made) == 0


def ads(n, day, source="board", rust=.25, employers=None, start=0):
    "n ads of a day, every fourth of which (or as many as said) asks for Rust; an employer each, or as said."
    return [(f"{source}{day}{i + start:03}", source, day, ["python"] + ["rust"] * (i % 100 < 100 * rust if rust in (0, 1) else i % 4 == 0), (employers or f"{day}{i}")) for i in range(n)]


def panel_from(rows):
    return panel_of([(i, s, d) for i, s, d, _, _ in rows], [(i, k) for i, _, _, skills, _ in rows for k in skills], {i: e for i, _, _, _, e in rows})


FIRST, SECOND = "2026-01-05", "2026-01-12"


@pytest.mark.parametrize("extra", [5, 40, 200])
def test_a_source_added_between_two_weeks_is_no_demand(extra):
    p = panel_from(ads(80, FIRST) + ads(80, SECOND) + ads(extra, SECOND, "other", rust=1))
    rust = changes(p, window=1).set_index("skill_id").loc["rust"]
    raw = comparisons(p, 1).set_index(["skill_id", "view"]).loc[("rust", "raw")]
    assert rust.change == pytest.approx(0) and rust.demand == pytest.approx(0) and rust.verdict not in ("rising", "falling")
    assert raw.change == pytest.approx(rust.source_mix + rust.demand + rust.employer_mix) and raw.change > .04


def test_a_source_that_grows_from_one_window_to_the_next_is_no_demand():
    p = panel_from(ads(80, FIRST) + ads(8, FIRST, "other", rust=1) + ads(80, SECOND) + ads(200, SECOND, "other", rust=1))
    rust = changes(p, window=1).set_index("skill_id").loc["rust"]
    assert abs(rust.change) < 1e-9 and abs(rust.demand) < 1e-9 and rust.source_mix > .3


def test_a_source_that_lists_what_is_known_owns_nothing():
    rows = ads(40, FIRST) + ads(40, SECOND)
    p = panel_from(rows)
    both = panel_of([(i, s, d) for i, s, d, _, _ in rows] + [(i, "other", d) for i, _, d, _, _ in rows if d == SECOND],
                    [(i, k) for i, _, _, skills, _ in rows for k in skills], {i: e for i, *_, e in rows})
    for made in (p, both): assert set(made.postings.source) == {"board"}
    assert changes(both, window=1).drop(columns="reposts").equals(changes(p, window=1).drop(columns="reposts"))


def test_one_employer_who_posts_twenty_alike_is_no_trend():
    calm = panel_from(ads(80, FIRST) + ads(80, SECOND))
    flood = panel_from(ads(80, FIRST) + ads(80, SECOND) + ads(20, SECOND, rust=1, employers="One Ltd", start=500))
    naive = contrast(flood.asked, *like_with_like(*(present(flood, w) for w in windows(2, 1)), flood.postings.source), membership(flood.postings.employer), 0.0)
    found = changes(flood, window=1).set_index("skill_id").loc["rust"]
    assert (found.high - found.low) > 1.2 * (naive.high - naive.low)[flood.skills.get_loc("rust")]
    assert found.verdict == "can't tell" and changes(calm, window=1).verdict.isin(["can't tell", "steady"]).all()
    assert found.employer_mix > 4 * abs(found.demand)


def test_an_ad_open_in_both_windows_is_one_observation():
    "Sixty ads that stand through both windows are no news: the interval is that of the others, and the same ads twice are no change at all."
    def asks(rows): return [(i, "rust") for i, *_ in rows if i.endswith(("0", "4", "8"))]
    own = [(f"x{i:03}", "board", FIRST) for i in range(50)] + [(f"y{i:03}", "board", SECOND) for i in range(50)]
    stay = [(f"z{i:03}", "board", d) for i in range(60) for d in (FIRST, SECOND)]
    rust = changes(panel_of(own + stay, asks(own + stay) + [("y001", "rust"), ("y003", "rust")]), window=1).iloc[0]
    alone = changes(panel_of(own, asks(own) + [("y001", "rust"), ("y003", "rust")]), window=1).iloc[0]
    assert [rust.low, rust.change, rust.high] == pytest.approx([x * 50 / 110 for x in (alone.low, alone.change, alone.high)])
    same = changes(panel_of(stay, asks(stay)), window=1, floor=10).iloc[0]
    assert (same.change, same.low, same.high, same.verdict) == (0, 0, 0, "steady")


@pytest.mark.parametrize("seed", range(5))
def test_the_parts_add_up(seed):
    "In a store of any shape: sources that come and go, employers known and unknown, re-posts."
    rng = np.random.default_rng(seed)
    rows = [(f"{rng.integers(150):03}", rng.choice(["a", "b", "c"]), f"2026-01-{d:02}") for d in (5, 12, 19, 26) for _ in range(80)]
    rows = [r for r in rows if not (r[1] == "c" and r[2] < "2026-01-19") and not (r[1] == "b" and r[2] > "2026-01-20" and seed % 2)]
    links = [(f"{i:03}", k) for i in range(150) for k in ("go", "sql", "rust") if rng.random() < .3]
    p = panel_of(rows, links, {f"{i:03}": rng.choice(["A", "B", "C", None]) for i in range(150)})
    found, views = changes(p, window=2).set_index("skill_id"), comparisons(p, 2).set_index(["view", "skill_id"])
    assert found[["demand", "source_mix", "employer_mix", "reposts"]].sum(axis=1).tolist() == pytest.approx(views.loc["sightings"].change.reindex(found.index).tolist())
    assert found[["demand", "source_mix", "employer_mix"]].sum(axis=1).tolist() == pytest.approx(views.loc["raw"].change.reindex(found.index).tolist())


def test_the_same_panel_is_employers_of_both_windows():
    rows = ads(40, FIRST, employers="Stays") + ads(40, SECOND, employers="Stays") + ads(40, SECOND, rust=1, employers="Comes", start=100)
    panel_ = comparisons(panel_from(rows), 1).set_index(["skill_id", "view"]).loc[("rust", "same panel")]
    assert (panel_.total_before, panel_.total_after, panel_.change) == (40, 40, pytest.approx(0))


def independent(n1, n2, of):
    "Verdicts on independent ads, each of an employer of its own."
    v = [1 / of, 1 / of, 0.0]
    low, high = difference(n1 / of, n2 / of, np.full(len(n1), of), np.full(len(n1), of))
    from skillnb.changes import _p_value
    found = pd.DataFrame(dict(change=n2 / of - n1 / of, low=low, high=high, p=_p_value(n1 / of, n2 / of, *v)))
    return verdicts(found, (n1 + n2) >= 20)[1]


def test_below_the_floor_nothing_is_said():
    assert independent(np.array([0, 0]), np.array([19, 20]), 100).tolist() == ["not enough data", "rising"]


def test_five_employers_are_the_least():
    def verdict(names): return changes(panel_from(ads(60, FIRST, rust=0) + [(*a[:4], f"E{i % names}") for i, a in enumerate(ads(60, SECOND, rust=1))]), window=1).set_index("skill_id").verdict["rust"]
    assert verdict(4) == "not enough data" and verdict(60) == "rising"


@pytest.mark.parametrize("n", [50, 200, 1000])
def test_false_alarms_are_as_rare_as_promised(n):
    "Nothing changes in 400 skills; in at most about one run of twenty is anything announced."
    rng = np.random.default_rng(n)
    share = rng.beta(.6, 4, 400)
    runs = [np.isin(independent(rng.binomial(n, share), rng.binomial(n, share), n), ["rising", "falling"]).any() for _ in range(200)]
    assert np.mean(runs) <= .09


def test_false_discoveries_among_true_ones():
    "A fifth of the skills changes; of what is announced at most one in twenty did not."
    rng, false, all_ = np.random.default_rng(1), 0, 0
    for _ in range(60):
        share = rng.uniform(.05, .5, 500)
        v = np.isin(independent(rng.binomial(300, share), rng.binomial(300, share + np.where(np.arange(500) < 100, .15, 0)), 300), ["rising", "falling"])
        false, all_ = false + v[100:].sum(), all_ + v.sum()
    assert all_ > 2000 and false / all_ < .06


def test_wilson_covers():
    rng = np.random.default_rng(0)
    for p in (.02, .1, .5):
        low, high = wilson(rng.binomial(60, p, 4000), np.full(4000, 60))
        assert .92 < np.mean((low <= p) & (p <= high)) < .98


def test_shares_cover_where_employers_post_alike():
    "Weekly shares of alike ads: the effective number holds the promise that the plain total breaks."
    rng, held, naive = np.random.default_rng(3), [], []
    for _ in range(30):
        of = np.repeat(np.arange(60), np.minimum(rng.zipf(1.8, 60), 20))
        truth_ = rng.uniform(.1, .5, 40)
        x = rng.random((len(of), 40)) < rng.beta(truth_ * 2, (1 - truth_) * 2, (60, 40))[of]
        ids = [f"{i:04}" for i in range(len(of))]
        p = panel_of([(i, "s", FIRST) for i in ids], [(ids[i], f"k{k:02}") for i, k in zip(*np.nonzero(x))], dict(zip(ids, map(str, of))))
        t = weekly_shares(p)
        true = truth_[[int(k[1:]) for k in t.skill_id]]
        held.append(((t.low <= true) & (true <= t.high)).mean())
        low, high = wilson(t.n_postings, t.n_total)
        naive.append(((low <= true) & (true <= high)).mean())
    assert .92 < np.mean(held) < .98 and np.mean(naive) < .88


def test_corrected_shares_hold_the_truth_in_half_known_worlds():
    "Two sorts of skills, well and badly read; the audit knows sixty postings. Nine in ten intervals or more hold the truth, and none is narrower."
    held = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        truth_, recall = rng.beta(1, 6, 200), np.where(np.arange(200) % 2, .9, .6)
        asks = rng.random((310, 200)) < truth_
        says = np.where(asks, rng.random(asks.shape) < recall, rng.random(asks.shape) < .005)
        ids = [f"{i:03}" for i in range(310)]
        def rows(x): return pd.DataFrame([(ids[i], f"k{k:03}") for i, k in zip(*np.nonzero(x))], columns=["posting_id", "skill_id"])
        p = panel_of([(i, "s", FIRST) for i in ids[:250]], rows(says).values.tolist())
        found = corrected(p, audit(rows(asks), rows(says), ids[250:], p.skills))
        true = truth_[[int(k[1:]) for k in found.skill_id]]
        held.append(((found.corrected_low <= true) & (true <= found.corrected_high)).mean())
    assert .92 < np.mean(held)


def test_no_correction_without_an_audit_or_from_a_tagger_that_guesses():
    ids = [f"{i:03}" for i in range(200)]
    said = pd.DataFrame([(i, k) for i in ids for k in ("go", "sql") if (int(i) + len(k)) % 3], columns=["posting_id", "skill_id"])
    real = pd.DataFrame([(i, k) for i in ids for k in ("go", "sql") if (7 * int(i) + len(k)) % 5 < 3], columns=["posting_id", "skill_id"])
    p = panel_of([(i, "s", FIRST) for i in ids], said.values.tolist())
    assert set(corrected(p, audit(real, said, ids[:29], p.skills)).answer) == {"not audited"}
    assert set(corrected(p, audit(real, said, ids[:60], p.skills)).answer) == {"tagger too unsure"}
    assert corrected(p, audit(real, said, ids[:60], p.skills)).corrected.isna().all()


def test_facets_are_what_the_source_says():
    rows = pd.DataFrame({"posting_id": ["a", "a", "b", "c"], "place": ["Bern", "Basel", None, " "], "remote": [True, True, False, None], "seniority": [None] * 4})
    said = facet_values(rows)
    assert said.values.tolist() == [["a", "place", "Bern"], ["a", "place", "Basel"], ["a", "remote", "remote"], ["b", "remote", "on site"]]


def test_pairs_are_quiet_where_skills_are_independent():
    rng, alarms = np.random.default_rng(5), 0
    for _ in range(20):
        x = rng.random((200, 40)) < rng.uniform(.12, .6, 40)
        ids = [f"{i:03}" for i in range(200)]
        alarms += len(pairs(panel_of([(i, "s", FIRST) for i in ids], [(ids[i], f"k{k:02}") for i, k in zip(*np.nonzero(x))]))) > 0
    assert alarms <= 3


def test_next_skill_opens_what_it_says():
    rng = np.random.default_rng(0)
    wants = sparse.csr_array(1. * (rng.random((80, 12)) < .3))
    known = rng.random(12) < .3
    step = next_skills(wants, known)
    for k in range(12):
        more = known.copy()
        more[k] = True
        assert next_skills(wants, more).n_open[0] - step.n_open[0] == step.n_opened[k]
    assert step.n_total[0] == (wants.sum(1) > 0).sum()


def test_a_published_number_stays_after_the_method_changed(tmp_path, sample):
    store, day = Store(tmp_path, stage="trends"), "2026-03-23"
    shares = weekly_shares(sample)
    for method, made in (("1", shares), ("1", shares), ("2", shares.assign(share=shares.share / 2, low=0.0))):
        store.write("published", publish(made, {"method": method, "vocabulary": "v", "tagger": "t"}, store.read("published", day)), day)
    python = store.sql("SELECT method, share FROM published WHERE skill_id = 'python' ORDER BY method")
    assert python.method.tolist() == ["1", "2"] and python.share[1] == python.share[0] / 2


def test_results_do_not_depend_on_the_order_of_rows(sample):
    rng = np.random.default_rng(0)
    rows = [(i, s, f"2026-01-{d:02}") for i in map(str, range(60)) for s in "ab" for d in (5, 12) if rng.random() < .6]
    links = [(i, k) for i in map(str, range(60)) for k in ("go", "sql") if rng.random() < .5]
    company = {str(i): f"E{i % 9}" for i in range(60)}
    one, other = (panel_of([r[i] for i in order], [l[i] for i in links_order], company)
                  for r, l, order, links_order in [(rows, links, range(len(rows)), range(len(links))), (rows, links, rng.permutation(len(rows)), rng.permutation(len(links)))])
    for f in (weekly_shares, lambda p: changes(p, 1, 5), lambda p: comparisons(p, 1), lambda p: pairs(p, 5)): pd.testing.assert_frame_equal(f(one), f(other))


def test_many_postings_and_skills_are_feasible():
    "Twenty thousand postings, five thousand skills, sparse all the way."
    rng, n = np.random.default_rng(0), 20000
    ids = np.array([f"{i:06}" for i in range(n)], dtype=object)
    at, k = np.repeat(np.arange(n), 15), np.minimum(rng.zipf(1.3, n * 15) - 1, 4999)
    days = pd.to_datetime("2026-01-05") + pd.to_timedelta(7 * rng.integers(0, 12, n), unit="D")
    postings = pd.DataFrame({"posting_id": ids, "duplicate_of": None, "language": "en", "company": [f"E{e}" for e in np.minimum(rng.zipf(1.6, n), 4000)]}, dtype=object)
    links = pd.DataFrame({"posting_id": ids[at], "skill_id": np.char.add("k", k.astype(str)).astype(object)})
    p = panel(pd.DataFrame({"posting_id": ids, "source": "s", "collected_on": days}), postings, postings, links)
    found = changes(p)
    assert len(found) == len(p.skills) and not found.verdict.isin(["rising", "falling"]).any()
    assert likeness(p.asked, membership(p.postings.employer))[1] < .01


def test_wanted_takes_required_lines_first():
    p = panel_of([("a", "s", FIRST), ("b", "s", FIRST)], [("a", "go"), ("a", "sql"), ("b", "sql")])
    named = pd.DataFrame([("a", "go", "hard", "required"), ("a", "sql", "hard", "preferred"), ("b", "sql", "hard", "duty")], columns=["posting_id", "skill_id", "kind", "section"])
    assert wanted(p, named).toarray().tolist() == [[1, 0], [0, 1]]


def test_empty_tables_are_of_their_schema():
    for t in ("trends", "countings", "changes", "comparisons", "facets", "sections", "kinds", "pairs", "steps", "corrected", "published"):
        assert conform(t, empty(t)).num_rows == 0
