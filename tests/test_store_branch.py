"""The store between two scheduled runs: on a branch of the repository, with real git."""
import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent/".ci"/"store"
NAMED = {"GIT_AUTHOR_NAME": "bot", "GIT_AUTHOR_EMAIL": "bot@works.example", "GIT_COMMITTER_NAME": "bot", "GIT_COMMITTER_EMAIL": "bot@works.example"}


def run(*args, cwd): return subprocess.run(list(map(str, args)), cwd=cwd, capture_output=True, text=True, env=os.environ | NAMED)


@pytest.fixture
def clone(tmp_path):
    "Makes clones of one bare repository."
    run("git", "init", "-q", "--bare", tmp_path/"hub.git", cwd=tmp_path)
    def make(name):
        assert run("git", "clone", "-q", tmp_path/"hub.git", tmp_path/name, cwd=tmp_path).returncode == 0
        return tmp_path/name
    return make


def test_first_week_then_the_next(clone, tmp_path):
    first = clone("first")
    assert "no store yet" in run(SCRIPT, "restore", "data", cwd=first).stdout
    (first/"data"/"postings").mkdir(parents=True)
    (first/"data"/"postings"/"it's one.parquet").write_bytes(b"\0rows")
    (first/"data"/".lock").write_bytes(b"")
    big = os.urandom(1024) * 96 * 1024   # 96 MiB: a model
    (first/"data"/"model.safetensors").write_bytes(big)
    saved = run(SCRIPT, "save", "data", cwd=first)
    assert saved.returncode == 0, saved.stderr
    second = clone("second")
    assert run(SCRIPT, "restore", "data", cwd=second).returncode == 0
    assert sorted(p.relative_to(second/"data").as_posix() for p in (second/"data").rglob("*") if p.is_file()) == ["model.safetensors", "postings/it's one.parquet"]
    assert (second/"data"/"model.safetensors").read_bytes() == big
    (second/"data"/"model.safetensors").unlink()
    assert run(SCRIPT, "save", "data", cwd=second).returncode == 0
    assert run("git", "rev-list", "--count", "store", cwd=tmp_path/"hub.git").stdout.strip() == "1"   # no history


def test_two_savers_one_is_told(clone):
    a, b = clone("a"), clone("b")
    for c in (a, b):
        assert run(SCRIPT, "restore", "data", cwd=c).returncode == 0
        (c/"data"/"who").write_text(c.name)
    assert run(SCRIPT, "save", "data", cwd=a).returncode == 0
    late = run(SCRIPT, "save", "data", cwd=b)
    assert late.returncode == 1 and "changed since it was restored" in late.stderr
    assert run(SCRIPT, "save", "data", cwd=a).returncode == 0   # the same one may save again


def test_no_network_is_not_an_empty_store(clone, tmp_path):
    a = clone("a")
    (tmp_path/"hub.git").rename(tmp_path/"gone.git")
    assert run(SCRIPT, "restore", "data", cwd=a).returncode != 0
    assert run(SCRIPT, "lose", "data", cwd=a).returncode == 2


def test_a_store_at_an_address_stays_there(clone):
    a = clone("a")
    for what in ("restore", "save"):
        done = run(SCRIPT, what, "hf://datasets/me/store", cwd=a)
        assert done.returncode == 0 and "the store is at hf://datasets/me/store" in done.stdout
    assert list(a.iterdir()) == [a/".git"]
