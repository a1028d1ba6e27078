"""The store: complete or not there, whatever happens in between."""
import hashlib
import multiprocessing
import os
import random
import signal
import time

import pandas as pd
import pytest

from skillnb.schema import SchemaError
from skillnb.store import Store, StoreError


def dropped(n, reason="no text"):
    return pd.DataFrame({"stage": ["clean"] * n, "id": [f"sample/{i}" for i in range(n)], "reason": [reason] * n})


def keep_writing(root):
    for i in range(10_000): Store(root, stage="clean").write("dropped", dropped(500, f"reason {i}"), "2026-01-05")


def test_killed_writer_leaves_a_whole_table(tmp_path):
    store = Store(tmp_path, stage="clean")
    store.write("dropped", dropped(500), "2026-01-05")
    for seed in range(10):
        writer = multiprocessing.get_context("fork").Process(target=keep_writing, args=(tmp_path,))
        writer.start()
        time.sleep(0.02 + random.Random(seed).random() / 20)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        rows = store.read("dropped")
        assert len(rows) == 500 and rows.reason.nunique() == 1
        assert store.verify() == []
    store.write("dropped", dropped(3), "2026-01-05")   # the next write clears what the killed ones left
    assert len(list((tmp_path/"dropped"/"collected_on=2026-01-05").iterdir())) == 2


def test_same_rows_same_bytes(tmp_path):
    for name in "ab": Store(tmp_path/name, stage="clean").write("dropped", dropped(5), "2026-01-05")
    a, b = (Store(tmp_path/name).manifest("dropped", "2026-01-05") for name in "ab")
    assert a == b


def test_refused_rows_leave_the_old_ones(tmp_path):
    store = Store(tmp_path, stage="clean")
    store.write("dropped", dropped(5), "2026-01-05")
    with pytest.raises(SchemaError, match="must not be empty"): store.write("dropped", dropped(5, None), "2026-01-05")
    assert len(store.read("dropped")) == 5


def test_root_that_cannot_be_written(tmp_path):
    (tmp_path/"file").write_text("not a folder")
    with pytest.raises(StoreError, match="choose another --root"): Store(tmp_path/"file", stage="clean").write("dropped", dropped(1), "2026-01-05")


def test_root_with_an_apostrophe_and_spaces(tmp_path):
    store = Store(tmp_path/"o'brien's data; --", stage="clean")
    store.write("dropped", dropped(2), "2026-01-05")
    assert store.sql("SELECT count(*) AS n FROM dropped").n[0] == 2


def test_any_fsspec_address():
    store = Store("memory://bucket/prefix", stage="clean")
    store.write("dropped", dropped(4), "2026-01-05")
    assert store.days("dropped") == ["2026-01-05"]
    assert len(store.read("dropped")) == 4 and store.verify() == []


def test_damaged_manifest_says_what_to_do(tmp_path):
    store = Store(tmp_path, stage="clean")
    store.write("dropped", dropped(1), "2026-01-05")
    (tmp_path/"dropped"/"collected_on=2026-01-05"/"manifest.json").write_text("{")
    with pytest.raises(StoreError, match="cut short or altered. Run `skillnb repair`"): store.read("dropped")


@pytest.mark.parametrize("damage", ["cut short", "one bit", "gone", "manifest"])
def test_damage_is_told_and_mended(tmp_path, skillnb, damage):
    store = Store(tmp_path, stage="clean")
    store.write("dropped", dropped(500), "2026-01-05")
    store.write("dropped", dropped(3), "2026-01-12")
    folder = tmp_path/"dropped"/"collected_on=2026-01-05"
    path = folder/"manifest.json" if damage == "manifest" else next(folder.glob("*.parquet"))
    data = bytearray(path.read_bytes())
    if damage == "one bit": data[len(data) // 2] ^= 1
    path.write_bytes(data[:len(data) // 2] if damage in ("cut short", "manifest") else data)
    if damage == "gone": path.unlink()
    told = skillnb("repair", "--root", tmp_path)
    assert told.returncode == 0 and "collected_on=2026-01-05" in told.stdout
    assert Store(tmp_path).verify() == []
    assert len(store.read("dropped")) == (503 if damage == "manifest" else 3)
    assert skillnb("repair", "--root", tmp_path).stdout.startswith("nothing to mend")


def test_a_killed_run_holds_nothing(tmp_path):
    "The system ends a dead writer's hold."
    def hold(root, ready):
        with Store(root).lock(): ready.set(); time.sleep(60)
    fork = multiprocessing.get_context("fork")
    ready = fork.Event()
    (tmp_path/"dropped").mkdir()
    writer = fork.Process(target=hold, args=(tmp_path, ready))
    writer.start()
    assert ready.wait(20)
    with pytest.raises(StoreError, match="another run is writing"):
        with Store(tmp_path).lock(): pass
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    with Store(tmp_path).lock(): pass


def test_a_store_older_than_a_column_is_read(tmp_path):
    "Files without the columns `block` and `language` give empty ones, alone and beside newer files, in tables of both kinds."
    import pyarrow.parquet as pq
    store = Store(tmp_path, stage="dedup")
    cut = pd.DataFrame({"posting_id": ["a"], "start": [0], "end": [4], "section": ["duty"], "block": ["legal"], "language": ["en"]})
    store.write("segments", cut, "2026-01-05")
    part = next((tmp_path/"segments"/"collected_on=2026-01-05").glob("*.parquet"))
    before = hashlib.sha256(part.read_bytes()).hexdigest()
    pq.write_table(pq.read_table(part, partitioning=None).drop_columns(["block", "language"]), part)
    manifest = part.with_name("manifest.json")
    manifest.write_text(manifest.read_text().replace(before, hashlib.sha256(part.read_bytes()).hexdigest()))
    assert store.read("segments").block.isna().all() and store.read("segments", "2026-01-05", columns=["language"]).language.isna().all()
    assert store.sql("SELECT count(*) AS n FROM segments WHERE block IS NULL AND language IS NULL").n[0] == 1
    assert store.rows("segments", pd.DataFrame({"posting_id": ["a"], "start": [0], "collected_on": ["2026-01-05"]})).block.isna().all()
    store.write("segments", cut.assign(posting_id="b"), "2026-01-12")
    assert store.read("segments").sort_values("posting_id").block.fillna("-").tolist() == ["-", "legal"]
