"""Dedup: order does not matter, a re-run changes nothing, a canonical posting stays one, sightings are counted once, every fold has a reason."""
import gzip
import json
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import skillnb
from skillnb.clean import clean, posting_id
from skillnb.config import load
from skillnb.dedup import Index, fold
from skillnb.fetch import SampleSource, TextFolder, collect
from skillnb.flow import stages, work
from skillnb.schema import TABLES, empty
from skillnb.sketch import address, levels, likeness, run_sets, title_key
from skillnb.store import Store

COLUMNS = [*TABLES["texts"].schema.names, "url"]
WORDS = "we build train serve models data search rank vision speech team cloud python sql spark quick calm good".split()
DAYS = ("2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26")


def texts(*rows):
    "Rows of `texts` from (source_id, text), or (source_id, text, title, url, source)."
    full = [(*r, *(None, None, "board")[len(r) - 2:]) for r in rows]
    return pd.DataFrame([(source, i, posting_id(t), title, "Works", "en", t, url) for i, t, title, url, source in full], columns=COLUMNS, dtype=object)


def run(days, root=None):
    "The store after folding {day: texts} in order of date; every partition fits its table."
    store = Store(root or tempfile.mkdtemp())
    index = Index(store)
    for day, rows in sorted(days.items()):
        for table, part in fold(rows, index, day).items(): store.write(table, part, day)
    return store


def view(store): return store.read("postings").set_index("posting_id")


def leaders(v): return v.duplicate_of.fillna(pd.Series(v.index, v.index))


def groups(store):
    "The texts of each posting, as sets of posting_id."
    leader = leaders(view(store))
    return {frozenset(leader.index[leader == p]) for p in leader.unique()}


urls = st.sampled_from([None, None, "https://works.example/jobs/1?ref=a", "https://works.example/jobs/1", "https://works.example/jobs/2"])
ads = st.lists(st.tuples(st.integers(1, 9), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), st.sampled_from([None, "ML engineer", "Senior ML engineer"]), urls,
                         st.sampled_from(["board", "feed"])), max_size=7, unique_by=lambda a: (a[0], a[4]))
weeks = st.lists(ads, min_size=1, max_size=3)


def of_weeks(collections): return {d: texts(*((str(a[0]), *a[1:]) for a in week)) for d, week in zip(DAYS, collections)}


@settings(max_examples=8, deadline=None)
@given(weeks, st.randoms(use_true_random=False))
def test_rows_and_sources_may_come_in_any_order(collections, random):
    days = of_weeks(collections)
    store, shuffled = run(days), run({d: rows.iloc[random.sample(range(len(rows)), len(rows))] for d, rows in days.items()})
    for table in ("postings", "folds", "signatures", "keys"):
        for day in days: pd.testing.assert_frame_equal(shuffled.read(table, day), store.read(table, day))


@settings(max_examples=10, deadline=None)
@given(weeks)
def test_every_sighting_counts_once_and_every_fold_has_a_reason(collections):
    store = run(of_weeks(collections))
    v = view(store)
    canonical, copies = v[v.duplicate_of.isna()], v[v.duplicate_of.notna()]
    assert canonical.n_sightings.sum() == sum(map(len, collections))
    assert set(copies.duplicate_of) <= set(canonical.index)
    folds = store.read("folds").set_index("posting_id")
    assert folds.duplicate_of.to_dict() == copies.duplicate_of.to_dict()
    assert set(store.read("signatures").posting_id) == set(canonical.index)
    assert set(store.read("keys").posting_id) <= set(canonical.index)


@settings(max_examples=5, deadline=None)
@given(st.lists(ads, min_size=2, max_size=3))
def test_a_day_done_again_changes_nothing(collections):
    days = of_weeks(collections)
    store, last = run(days), max(of_weeks(collections))
    before = {t: store.read(t) for t in ("postings", "folds", "signatures", "keys")}
    for day in (last, min(days), last):     # a fresh index, an older day, and the same index again
        for table, part in fold(days[day], Index(store), day).items(): store.write(table, part, day)
    for table, rows in before.items(): pd.testing.assert_frame_equal(store.read(table), rows)


@settings(max_examples=6, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12, unique=True), st.randoms(use_true_random=False))
def test_days_in_another_order_give_the_same_groups(variants, random):
    "Families of ads that are all alike inside, and not at all outside: no text is a bridge."
    rows = [texts((f"{family}/{n}", " ".join(f"{w}{family}" for w in WORDS * 4) + " also" * n)) for family, n in variants]
    half = len(rows) // 2
    def folded(order): return groups(run({DAYS[k]: pd.concat(part) for k, part in enumerate(order) if part}))
    assert folded([rows[:half], rows[half:]]) == folded([rows[half:], rows[:half]]) == folded([random.sample(rows, len(rows))])
    assert len(folded([rows])) == len({family for family, _ in variants})


LONG = "you will build and serve ranking models with a small team in an old house near the river and you will like it there very much " * 3
LONG += " ".join(f"word{n}" for n in range(60))


def test_what_a_week_adds():
    copy, third = LONG + " every single day", "Berlin " + LONG
    store = run({DAYS[0]: texts(("1", LONG), ("2", LONG)), DAYS[1]: texts(("3", copy)), DAYS[2]: texts(("4", third), ("1", LONG)), DAYS[3]: texts(("9", copy))})
    v = view(store)
    leader = v.loc[posting_id(LONG)]
    assert (str(leader.first_seen)[:10], str(leader.last_seen)[:10], leader.n_sightings, leader.text) == (DAYS[0], DAYS[3], 6, LONG)
    assert v.duplicate_of[[posting_id(copy), posting_id(third)]].tolist() == [posting_id(LONG)] * 2
    assert set(store.read("postings", DAYS[3]).posting_id) == {posting_id(copy), posting_id(LONG)}   # only the duplicate is seen: both rows move
    assert store.read("folds").method.tolist() == ["text", "text"] and (store.read("folds").likeness > 0.9).all()


def test_a_canonical_posting_keeps_its_words():
    store = run({DAYS[0]: texts(("1", LONG)), DAYS[1]: texts(("2", LONG.upper(), "Other", "https://works.example/1"))})
    row = view(store).iloc[0]
    assert row.text == LONG and pd.isna(row.title) and pd.isna(row.url) and row.n_sightings == 2


def test_an_ad_edited_under_its_number_stays_one_posting():
    edits = [LONG, LONG.replace("river", "lake"), "All is new. " + " ".join(reversed(WORDS * 3)), "Closed soon, apply now, whoever you are, wherever you live."]
    store = run({d: texts(("77", t)) for d, t in zip(DAYS, edits)})
    v = view(store)
    assert v.duplicate_of[[posting_id(t) for t in edits[1:]]].tolist() == [posting_id(LONG)] * 3 and v.text[posting_id(LONG)] == LONG
    assert v.n_sightings[posting_id(LONG)] == 4 and set(store.read("folds").method) == {"source id"}
    assert view(run({DAYS[0]: texts(("77", edits[0])), DAYS[1]: texts(("77", edits[2], None, None, "feed"))})).duplicate_of.isna().all(), "another source, another number"


def test_one_address_is_one_posting():
    there, other = "https://www.linkedin.com/jobs/view/ml-engineer-at-works-4100000001", "https://de.linkedin.com/jobs/view/4100000001/?refId=x#top"
    store = run({DAYS[0]: texts(("1", LONG, None, there)), DAYS[1]: texts(("2", "Quite another text about the same post.", None, other))})
    assert store.read("folds").method.tolist() == ["address"]
    hn = [f"https://news.ycombinator.com/item?id={n}" for n in (1, 2)]
    assert view(run({DAYS[0]: texts(("1", "one", None, hn[0]), ("2", "two", None, hn[1]))})).duplicate_of.isna().all()
    for page in ("https://works.example/careers", "https://works.example/2026/careers"):   # a page of many ads
        assert view(run({DAYS[0]: texts(("1", "one", None, page), ("2", "two", None, page))})).duplicate_of.isna().all()


@pytest.mark.parametrize("url", [None, float("nan"), 7, "", "javascript:alert(1)", "https://[::1", "http://works.example", "//", "\x00", "https://works.example/" + "9" * 5000])
def test_any_address_is_read_or_refused(url): assert address(url) is None or address(url).startswith("//")


@pytest.mark.parametrize("a, b, one", [
    ("ML Engineer", "ML engineer (m/f/d)", True),          # the same title: edits may be larger
    ("ML Engineer", "Senior ML Engineer", False),          # another level: never, whatever the text says
    ("Senior ML Engineer", "Sr. ML Engineer", True),       # the same level in other words: by text alone
    ("ML Engineer", None, True), (None, None, True)])
def test_what_titles_decide(a, b, one):
    store = run({DAYS[0]: texts(("1", LONG, a)), DAYS[1]: texts(("2", LONG + " every day", b))})
    assert (view(store).duplicate_of.notna().sum() == 1) == one


def test_the_same_title_allows_larger_edits():
    edited = LONG.replace("word10 ", "other ").replace("word30 ", "more ").replace("word50 ", "thing ")
    jaccard, contained = likeness(*run_sets([LONG, edited]))
    assert 0.7 < jaccard and contained < 0.97
    for title, method in (("ML engineer", ["title and text"]), (None, [])):
        assert run({DAYS[0]: texts(("1", LONG, title)), DAYS[1]: texts(("2", edited, title))}).read("folds").method.tolist() == method


def test_a_copy_after_the_window_is_a_new_posting():
    assert view(run({"2026-01-05": texts(("1", LONG)), "2026-06-05": texts(("2", LONG + " now"))})).duplicate_of.isna().all()
    assert len(view(run({"2026-01-05": texts(("1", LONG)), "2026-06-05": texts(("2", LONG))}))) == 1, "an equal text is the same posting for ever"


def test_a_long_chain_of_edits_does_not_pull_ads_together():
    words = [f"w{n}" for n in range(200)]
    chain = [" ".join(f"x{n}" if n < 4 * k else w for n, w in enumerate(words)) for k in range(12)]
    v = view(run({DAYS[k % 4] if k < 4 else f"2026-02-{k + 1:02}": texts((str(k), t)) for k, t in enumerate(chain)}))
    by = leaders(v)
    for p, leader in by.items(): assert p == leader or likeness(*run_sets([v.text[p], v.text[leader]]))[1] >= 0.97
    assert by.nunique() > 1


def test_a_new_day_costs_a_day_and_an_old_one_those_after_it(tmp_path):
    stage, config = stages("dedup", "dedup")[0], load(environ={}, root=str(tmp_path))
    def arrive(day, *rows):
        found = texts(*rows)
        for table in ("texts", "sightings"):
            Store(tmp_path, stage="bench").write(table, found.assign(raw=found.text).reindex(columns=TABLES[table].schema.names).astype(object), day)
    def work_off():
        due = work(store := Store(tmp_path), stage, config)
        store, index = Store(tmp_path, stage="dedup", work=due), Index(Store(tmp_path))
        for day in sorted(due):
            for table, part in fold(store.read("texts", day).assign(url=None), index, day).items(): store.write(table, part, day)
            store.write("segments", empty("segments"), day)
        return sorted(due)
    for day in (DAYS[0], DAYS[2]): arrive(day, (day, f"{LONG} seen on {day}"))
    assert work_off() == [DAYS[0], DAYS[2]] and work_off() == []
    arrive(DAYS[3], ("4", LONG))
    assert work_off() == [DAYS[3]]
    arrive(DAYS[1], ("2", LONG))
    assert work_off() == [DAYS[1], DAYS[2], DAYS[3]] and work_off() == []
    assert view(Store(tmp_path)).n_sightings.max() == 4


def test_texts_without_words_stay_apart():
    assert view(run({DAYS[0]: texts(("1", "!!!"), ("2", "???"), ("3", "one"))})).duplicate_of.isna().all()


def test_runs_do_not_depend_on_their_company(): # long texts are cut into parts
    some = ["a b c d e f g", "", "x" * 600_000, "one two", "a b c d e f g " * 90_000, "ſtraße STRASSE 机器 学习 \ud800 x_1 don’t"]
    together = run_sets(some)
    for runs, text in zip(together, some): assert (runs == run_sets([text])[0]).all() and len(runs) == len(run_sets([text])[0])
    assert [len(r) for r in together] == [3, 0, 1, 1, 7, 3]


def test_titles_and_levels():
    assert title_key("Lead ML Engineer [Remote] (f/m/x)") == "lead ml engineer"
    assert levels("staff data scientist") == levels("data scientist iv") != levels("lead data scientist")


def folded(rows):
    "The store, and the cleaned rows, of sightings with `collected_on`."
    cleaned = clean(rows)[0].merge(rows[["source", "source_id", "url", "collected_on"]], on=["source", "source_id"])
    return run({str(d)[:10]: part.drop(columns="collected_on") for d, part in cleaned.groupby("collected_on")}), cleaned


def test_near_duplicates_of_the_sample():
    "Agency wraps and city copies of one fictional ad become one posting, and different ads stay apart; by text and title alone."
    rows = collect([SampleSource()]).sightings
    store, cleaned = folded(rows.assign(url=None))
    with gzip.open(Path(skillnb.__file__).parent/"sample"/"truth.jsonl.gz", "rt", encoding="utf-8") as f:
        ad = {s["source_id"]: a["ad_id"] for a in map(json.loads, f) for s in a["source_ids"]}
    v = view(store)
    cleaned["ad"], cleaned["leader"] = cleaned.source_id.map(ad), leaders(v).reindex(cleaned.posting_id).to_numpy()
    assert (cleaned.groupby("leader").ad.nunique() == 1).all(), "different ads were folded"
    assert (cleaned.groupby("ad").leader.nunique() == 1).mean() > 0.95


def test_real_collections(shared):
    "The ads that were read are folded as `benchmarks/duplicates.md` says; every fold is checked exactly here."
    v = view(folded(collect([TextFolder(shared/"postings")]).sightings)[0])
    assert v.n_sightings[v.duplicate_of.isna()].sum() == 516
    assert v.duplicate_of.isna().sum() == pytest.approx(331, abs=12)
    for p, leader in v.duplicate_of.dropna().items():
        jaccard, contained = likeness(*run_sets([v.text[p], v.text[leader]]))
        assert jaccard >= 0.5 and contained >= 0.97
