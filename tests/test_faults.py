"""What a machine does to a store: full disks, lost permissions, newer versions, clocks set back. A clear error, nothing lost."""
import json
import resource
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from skillnb.config import load
from skillnb.flow import STAGES, _fetch_work
from skillnb.schema import TABLES
from skillnb.store import Store

COMMAND = [sys.executable, "-c", "from skillnb.cli import main; main()"]


@pytest.fixture
def texts(tmp_path):
    "A folder of two postings, and a store that holds the first of them."
    for day, n in (("05-01-2026", 1), ("12-01-2026", 2)):
        (tmp_path/"texts"/day).mkdir(parents=True)
        (tmp_path/"texts"/day/f"{n}.txt").write_text(f"Requirements\n- Python and SQL, posting {n}\n" + "You will work with our data team on models that matter. " * 200)
    shutil.copytree(tmp_path/"texts"/"05-01-2026", tmp_path/"first"/"05-01-2026")
    assert subprocess.run([*COMMAND, "import-text", tmp_path/"first", "--root", tmp_path/"data"], capture_output=True).returncode == 0
    return tmp_path/"texts"


def content(root): return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file() and p.suffix in (".parquet", ".json") and "logs" not in p.parts}


def told(done, *words):
    "The command failed as it should: one error in words."
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    for w in words: assert w in done.stderr, done.stderr


@pytest.mark.parametrize("command", ["import-text", "clean"])
def test_a_full_disk(texts, tmp_path, command):
    "No file may grow beyond a size: writing fails in the middle, as on a full disk."
    before, full = content(tmp_path/"data"), lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
    args = [texts] if command == "import-text" else []
    told(subprocess.run([*COMMAND, command, *args, "--root", tmp_path/"data"], capture_output=True, text=True, preexec_fn=full), "File too large", "choose another --root")
    assert content(tmp_path/"data") == before
    done = subprocess.run([*COMMAND, command, *args, "--root", tmp_path/"data"], capture_output=True, text=True)
    assert done.returncode == 0 and Store(tmp_path/"data").verify() == []
    if command == "clean": assert not list((tmp_path/"data").rglob("*.tmp"))


@pytest.mark.skipif(not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode, reason="needs a disk of its own to mount")
def test_a_disk_without_room(texts, tmp_path):
    "A disk of 300 KB that is filled to the last block: nothing is lost, and with room again the same command goes through."
    script = """mkdir disk && mount -t tmpfs -o size=300k none disk && cp -r data disk/ && dd if=/dev/zero of=disk/rest bs=1k 2>/dev/null
        "$@" 2>told; echo $? >status; cp -r disk/data full; rm disk/rest; "$@" && cp -r disk/data room"""
    subprocess.run(["unshare", "-m", "sh", "-c", script, "-", *COMMAND, "import-text", texts, "--root", "disk/data"], cwd=tmp_path)
    assert (tmp_path/"status").read_text() == "1\n" and "No space left on device" in (tmp_path/"told").read_text()
    assert content(tmp_path/"full") == content(tmp_path/"data") and Store(tmp_path/"full").verify() == []
    assert Store(tmp_path/"room").days("sightings") == ["2026-01-05", "2026-01-12"]


def test_two_runs_at_once(texts, tmp_path, skillnb):
    before = content(tmp_path/"data")
    with Store(tmp_path/"data").lock():
        for command in (["run", "--from", "clean"], ["import-text", texts]): told(skillnb(*command, "--root", tmp_path/"data"), "another run is writing", "Wait until it has ended")
    assert content(tmp_path/"data") == before


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv, since a superuser may write everywhere")
def test_a_permission_that_was_lost(texts, tmp_path):
    before = content(tmp_path/"data")
    folders = [tmp_path/"data", *(p for p in (tmp_path/"data").rglob("*") if p.is_dir())]
    for p in folders: p.chmod(0o500)
    as_user = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    try: told(subprocess.run([*as_user, *COMMAND, "import-text", texts, "--root", tmp_path/"data"], capture_output=True, text=True), "Permission denied", "another --root")
    finally:
        for p in folders: p.chmod(0o700)
    assert content(tmp_path/"data") == before


def test_a_store_of_a_newer_version(texts, tmp_path, skillnb):
    path = next((tmp_path/"data"/"sightings").rglob("manifest.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 2}))
    before = content(tmp_path/"data")
    for command in (["run", "--from", "clean"], ["status"], ["repair"], ["import-text", texts]):
        told(skillnb(*command, "--root", tmp_path/"data"), "has version 2", "Upgrade skillnb")
    assert content(tmp_path/"data") == before


def test_a_clock_that_was_set_back(tmp_path):
    "A day that lies ahead does not make a source be asked again and again."
    config, row = load(settings=["fetch.sources=hn"], environ={}, root=str(tmp_path)), pd.DataFrame([{"source": "hn", "source_id": "1", "raw": "We use Python."}])
    row, due = row.reindex(columns=TABLES["sightings"].schema.names).astype(object), _fetch_work(Store(tmp_path), STAGES[0], config)
    Store(tmp_path, stage="fetch", work={"*": "made when the clock was ahead"}).write("sightings", row, "2099-01-05")
    assert _fetch_work(Store(tmp_path), STAGES[0], config) == due
    Store(tmp_path, stage="fetch", work=due).write("sightings", row, "2026-01-05")
    assert _fetch_work(Store(tmp_path), STAGES[0], config) == {}
