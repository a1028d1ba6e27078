"""The store on object storage, against a real S3 server on loopback (moto)."""
import os
import socket
import subprocess
import sys
import time

import fsspec
import pandas as pd
import pytest

from skillnb.store import Store, StoreError


@pytest.fixture(scope="module")
def s3():
    "Environment of a client whose S3 is a server on this machine, with an empty bucket."
    with socket.socket() as s: s.bind(("127.0.0.1", 0)); port = s.getsockname()[1]
    keys = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    before = dict(os.environ)
    os.environ.update(keys)
    fsspec.filesystem("s3").clear_instance_cache()
    try:
        for _ in range(150):
            time.sleep(0.2)
            with socket.socket() as s:
                if not s.connect_ex(("127.0.0.1", port)): break
        fsspec.filesystem("s3").mkdir("bucket")
        yield keys
    finally:
        server.kill()
        server.wait()
        os.environ.clear()
        os.environ.update(before)


def dropped(reason): return pd.DataFrame({"stage": ["clean"], "id": ["sample/1"], "reason": [reason]})


def test_manifest_decides(s3):
    store = Store("s3://bucket/manifest", stage="clean")
    store.write("dropped", dropped("first"), "2026-01-05")
    store.write("dropped", dropped("second"), "2026-01-05")
    store.fs.pipe_file("bucket/manifest/dropped/collected_on=2026-01-12/part-clean-000000000000.parquet", b"half")
    assert store.read("dropped").reason.tolist() == ["second"] and store.days("dropped") == ["2026-01-05"]
    assert store.sql("SELECT count(*) AS n FROM dropped").n[0] == 1 and store.verify() == []
    assert len(store.fs.ls("bucket/manifest/dropped/collected_on=2026-01-05", refresh=True)) == 2


@pytest.mark.slow
def test_a_killed_writer_leaves_a_whole_week(s3, tmp_path):
    "SIGKILL while one week is written again and again: readers see all of one version, and the next write leaves nothing else there."
    code = """import pandas as pd; from skillnb.store import Store
store = Store("s3://bucket/killed", stage="clean")
for i in range(10_000):
    store.write("dropped", pd.DataFrame({"stage": "clean", "id": [str(n) for n in range(500)], "reason": f"version {i}"}), "2026-01-05")
    print(i, flush=True)"""
    for n in range(3):
        writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        writer.stdout.readline()
        time.sleep(n * .03)
        writer.kill()
        writer.wait()
        store = Store("s3://bucket/killed", stage="clean")
        assert len(rows := store.read("dropped")) == 500 and rows.reason.nunique() == 1 and store.verify() == []
    store.write("dropped", dropped("the last"), "2026-01-05")
    assert len(store.fs.ls("bucket/killed/dropped/collected_on=2026-01-05", refresh=True)) == 2


def test_one_of_two_writers_is_told(s3, skillnb, tmp_path):
    (tmp_path/"05-01-2026").mkdir()
    (tmp_path/"05-01-2026"/"1.txt").write_text("We look for an engineer who knows Python and SQL well. " * 3)
    store = Store("s3://bucket/writers")
    with store.lock():
        with pytest.raises(StoreError, match="another run is writing to s3://bucket/writers"):
            with Store("s3://bucket/writers").lock(): pass
        done = skillnb("import-text", tmp_path, "--root", "s3://bucket/writers")
        assert done.returncode == 1 and "another run is writing" in done.stderr and "Traceback" not in done.stderr
    done = skillnb("import-text", tmp_path, "--root", "s3://bucket/writers")
    assert done.returncode == 0, done.stderr
    assert "bucket/writers/lock" not in store.fs.ls("bucket/writers", detail=False, refresh=True)


@pytest.mark.slow
def test_a_run_on_object_storage(s3, skillnb, tmp_path):
    (tmp_path/"05-01-2026").mkdir()
    (tmp_path/"05-01-2026"/"1.txt").write_text("Requirements\n- Python and SQL\n- PyTorch is a plus\n" + "You will work with our data team on models that matter. " * 3)
    assert skillnb("import-text", tmp_path, "--root", "s3://bucket/run").returncode == 0
    done = skillnb("run", "--from", "clean", "--to", "dedup", "--root", "s3://bucket/run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again = skillnb("run", "--from", "clean", "--to", "dedup", "--root", "s3://bucket/run", cwd=tmp_path)
    assert again.stderr.count("up to date") == 2
    assert len(Store("s3://bucket/run").read("postings")) == 1


def test_the_champion_lives_in_the_bucket(s3, tmp_path):
    import shutil
    from skillnb.champion import models, promote, rollback
    from skillnb.models import SHIPPED, card, champion, keep, resolve, signed
    shutil.copytree(SHIPPED, tmp_path/"week-1")
    signed(tmp_path/"week-1", **card(SHIPPED) | {"name": "week-1"})
    root = "s3://bucket/champions"
    keep(tmp_path/"week-1", root)
    assert promote(root, "week-1", "2026-01-05") == "shipped" and card(resolve("champion", root))["name"] == "week-1"
    assert models(root).model.tolist() == ["week-1", "shipped"]
    assert rollback(root, "2026-01-12") == "shipped" and champion(root)["barred"] == ["week-1"]
