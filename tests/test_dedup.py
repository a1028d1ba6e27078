"""Dedup: order does not matter, a re-run changes nothing, a canonical posting stays one, sightings are counted once."""
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillnb.clean import clean, posting_id
from skillnb.dedup import Index, advance, fold, jaccard, shingles
from skillnb.fetch import SampleSource, TextFolder, collect
from skillnb.schema import TABLES, conform, empty

COLUMNS = TABLES["texts"].schema.names
WORDS = "we build train serve models data search rank vision speech team cloud python sql spark quick calm good".split()


def texts(*rows):
    "Rows of `texts` from (source_id, text) pairs."
    return pd.DataFrame([("text", i, posting_id(t), None, "Works", "en", t) for i, t in rows], columns=COLUMNS, dtype=object)


def run(days):
    "The view after folding {day: texts} in order of date; every partition fits its table."
    view = empty("postings")
    for day, rows in sorted(days.items()):
        folded = fold(rows, view, day)
        assert conform("postings", folded).num_rows == len(folded)
        view = advance(view, folded)
    return view


ads = st.lists(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join), max_size=8)
weeks = st.lists(ads, min_size=1, max_size=3)


@settings(max_examples=25, deadline=None)
@given(weeks, st.randoms(use_true_random=False))
def test_rows_may_come_in_any_order(collections, random):
    days = {f"2026-01-{5 + 7 * n:02}": texts(*((str(k), t) for k, t in enumerate(ads))) for n, ads in enumerate(collections)}
    view = run(days)
    shuffled = {d: rows.iloc[random.sample(range(len(rows)), len(rows))] for d, rows in days.items()}
    pd.testing.assert_frame_equal(run(shuffled), view)
    canonical = view[view.duplicate_of.isna()]
    assert canonical.n_sightings.sum() == sum(map(len, collections))
    assert set(view.duplicate_of.dropna()) <= set(canonical.posting_id)


@settings(max_examples=15, deadline=None)
@given(ads, ads)
def test_a_day_done_again_changes_nothing(first, second):
    past = run({"2026-01-05": texts(*((str(k), t) for k, t in enumerate(first)))})
    rows = texts(*((str(k), t) for k, t in enumerate(second)))
    once = fold(rows, past, "2026-01-12")
    pd.testing.assert_frame_equal(fold(rows, past.sample(frac=1, random_state=1), "2026-01-12"), once)
    index = Index()
    pd.testing.assert_frame_equal(fold(rows, past, "2026-01-12", index=index), once)
    later = advance(past, once)
    for p, leader in zip(past.posting_id, past.duplicate_of): assert later.set_index("posting_id").duplicate_of[p] == leader or leader is None


LONG = "you will build and serve ranking models with a small team in an old house near the river and you will like it there very much"


def test_what_a_week_adds():
    copy, third = LONG + " every single day", "Berlin office " + LONG
    view = run({"2026-01-05": texts(("1", LONG), ("2", LONG)), "2026-01-12": texts(("3", copy)), "2026-01-19": texts(("4", third), ("1", LONG))}).set_index("posting_id")
    leader = view.loc[posting_id(LONG)]
    assert (leader.first_seen, leader.last_seen, leader.n_sightings) == ("2026-01-05", "2026-01-19", 5) and leader.duplicate_of is None
    assert view.loc[posting_id(copy), ["first_seen", "last_seen", "n_sightings", "duplicate_of"]].tolist() == ["2026-01-12", "2026-01-12", 1, posting_id(LONG)]
    again = fold(texts(("9", copy)), view.reset_index(), "2026-01-26")   # only the duplicate is seen: both rows move
    assert set(again.posting_id) == {posting_id(copy), posting_id(LONG)} and set(again.last_seen) == {"2026-01-26"}


def test_a_canonical_posting_keeps_its_words():
    view = run({"2026-01-05": texts(("1", LONG))})
    moved = fold(texts(("2", LONG.upper())).assign(title="Other", url="https://works.example"), view, "2026-01-12")
    assert moved.text.tolist() == [LONG] and moved.title.isna().all() and moved.url.isna().all()


def test_texts_without_words_stay_apart():
    view = run({"2026-01-05": texts(("1", "!!!"), ("2", "???"), ("3", "one"))})
    assert view.duplicate_of.isna().all() and len(view) == 3


def test_near_duplicates_of_the_sample():
    "Agency wraps and city copies of one fictional ad become one posting, and different ads stay apart."
    import gzip, json
    from pathlib import Path
    import skillnb
    rows = collect([SampleSource()]).sightings
    cleaned = clean(rows)[0].assign(day=rows.collected_on.values)
    view = run({d: part.drop(columns="day") for d, part in cleaned.groupby("day")}).set_index("posting_id")
    with gzip.open(Path(skillnb.__file__).parent/"sample"/"truth.jsonl.gz", "rt", encoding="utf-8") as f:
        ad = {s["source_id"]: a["ad_id"] for a in map(json.loads, f) for s in a["source_ids"]}
    cleaned["ad"], cleaned["leader"] = cleaned.source_id.map(ad), [view.duplicate_of[p] or p for p in cleaned.posting_id]
    assert (cleaned.groupby("leader").ad.nunique() == 1).all(), "different ads were folded"
    assert (cleaned.groupby("ad").leader.nunique() == 1).mean() > 0.95


def test_real_collections(shared):
    "An independent count of these weeks at 5-word shingles and Jaccard 0.5 gives 306; every fold is checked exactly here."
    rows = collect([TextFolder(shared/"postings")]).sightings
    cleaned = clean(rows)[0].assign(day=rows.collected_on.values)
    view = run({d: part.drop(columns="day") for d, part in cleaned.groupby("day")}).set_index("posting_id")
    assert view.duplicate_of.isna().sum() == pytest.approx(306, abs=8)
    assert view.n_sightings[view.duplicate_of.isna()].sum() == 516
    for p, leader in view.duplicate_of.dropna().items(): assert jaccard(shingles(view.text[p]), shingles(view.text[leader])) >= 0.5
