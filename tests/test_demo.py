"""The demo run from end to end: the tables agree with each other and with the truth that made the postings."""
import json
import shutil

import pandas as pd
import pytest

from skillnb.schema import TABLES
from skillnb.store import Store


@pytest.fixture(scope="module")
def store(demo): return Store(demo/"data")


def test_every_table_is_filled_and_whole(store):
    rows = store.status().set_index("table").rows
    none = ["calls", "requests", "lineage", "decisions"]   # the demo asks nobody, for postings or for labels; no skill was merged, no name decided
    assert (rows[[t for t in TABLES if t not in none]] > 0).all() and (rows[none] == 0).all()
    assert store.verify() == []


def test_nothing_is_lost_between_sightings_and_postings(store):
    kept, dropped = store.read("texts"), store.sql("SELECT * FROM dropped WHERE stage = 'clean'")
    assert len(kept) + len(dropped) == len(store.read("sightings"))
    postings = store.read("postings")
    distinct = postings[postings.duplicate_of.isna()]
    assert distinct.n_sightings.sum() == len(kept)
    assert len(distinct) >= 240
    assert set(postings.duplicate_of.dropna()) <= set(distinct.posting_id)


@pytest.mark.parametrize("table", ["segments", "mentions", "labels", "links"])
def test_offsets_lie_inside_their_posting(store, table):
    rows = store.read(table).merge(store.read("postings")[["posting_id", "text"]].rename(columns={"text": "whole"}), on="posting_id", how="left")
    assert rows.whole.notna().all()
    assert ((rows.start >= 0) & (rows.start < rows.end) & (rows.end <= rows.whole.str.len())).all()
    if table == "mentions": assert all(w[s:e] == t for w, s, e, t in zip(rows.whole, rows.start, rows.end, rows.text))


def test_every_link_is_a_mention_and_a_skill(store):
    links, key = store.read("links"), ["posting_id", "start", "end"]
    assert len(links.merge(store.read("mentions")[key], on=key)) == len(links)
    assert set(links.skill_id) <= set(store.read("vocabulary").skill_id)
    assert set(store.read("skills").skill_id) <= set(store.read("vocabulary").skill_id)


def test_shares_are_what_they_say(store):
    t = store.read("trends")
    assert ((t.n_postings / t.n_total - t.share).abs() < 1e-9).all()
    assert ((t.low <= t.share + 1e-9) & (t.share <= t.high + 1e-9) & (t.low >= 0) & (t.high <= 1 + 1e-9)).all()
    assert t.week.dt.dayofweek.eq(0).all()


def test_a_share_counted_by_hand(store):
    "The newest week's share of Python, counted from the tables by another route."
    week = store.read("trends").week.max()
    n, total = store.sql(f"""
        WITH open AS (SELECT DISTINCT coalesce(p.duplicate_of, p.posting_id) AS posting_id
                      FROM sightings s JOIN texts t USING (source, source_id, collected_on) JOIN postings p USING (posting_id)
                      WHERE date_trunc('week', s.collected_on) = '{week:%Y-%m-%d}'),
             tagged AS (SELECT o.posting_id FROM open o JOIN postings p USING (posting_id) WHERE p.language = 'en')
        SELECT (SELECT count(DISTINCT posting_id) FROM links JOIN tagged USING (posting_id) WHERE skill_id = 'python') AS n,
               (SELECT count(*) FROM tagged) AS total""").iloc[0]
    row = store.read("trends").query("skill_id == 'python' and week == @week").iloc[0]
    assert (row.n_postings, row.n_total) == (n, total)


def test_planted_trends_are_found(store):
    "What was planted as rising is not said to fall, nor the other way round; the strongest are found."
    import json
    from importlib.resources import files
    planted = json.loads((files("skillnb")/"sample"/"trends.json").read_text(encoding="utf-8"))
    verdicts = store.read("changes").merge(store.read("vocabulary")[["skill_id", "name"]], on="skill_id").set_index("name").verdict
    shapes = pd.Series({name: t["shape"] for name, t in planted["skills"].items()})
    found = pd.DataFrame({"shape": shapes, "verdict": verdicts}).dropna()
    assert not ((found["shape"] == "rising") & (found.verdict == "falling")).any()
    assert not ((found["shape"] == "falling") & (found.verdict == "rising")).any()
    assert (found.verdict == "rising").any() and (found.verdict == "falling").any()


def test_second_run_does_no_work(skillnb, demo):
    before = {p: p.stat().st_mtime_ns for p in (demo/"data").rglob("*.parquet")}
    done = skillnb("run", "--root", demo/"data", "--set", f"report.out={demo/'site'}")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("up to date") == 10
    assert {p: p.stat().st_mtime_ns for p in (demo/"data").rglob("*.parquet")} == before
    assert done.stdout.strip() == str(demo/"site"/"index.html")


def test_another_setting_remakes_only_what_depends_on_it(skillnb, demo, tmp_path):
    shutil.copytree(demo/"data", tmp_path/"data", symlinks=True)   # W&B leaves links to logs that may be gone
    done = skillnb("run", "--root", tmp_path/"data", "--from", "clean", "--to", "trends", "--set", "trends.window=3")
    assert done.returncode == 0, done.stderr
    made = [e["stage"] for e in map(json.loads, done.stderr.splitlines()) if e.get("status") == "done"]
    assert made == ["trends"]
