"""A site as a Space and a store as a dataset, at a server on loopback that speaks the hub's interface (its LFS, not its xet)."""
import os
import subprocess
import sys

import pytest
import yaml
from hub_server import Hub

STORE = "hf://datasets/me/store"


@pytest.fixture
def hub():
    with Hub() as server: yield server


def python(code, hub, home, **env):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | hub.env | {"XDG_CACHE_HOME": str(home)} | env)


def test_a_site_becomes_a_space_and_an_older_one_goes(tmp_path, hub):
    site = tmp_path/"site"
    (site/"skill").mkdir(parents=True)
    (site/"index.html").write_text("<h1>first</h1>")
    (site/"skill"/"python.html").write_text("python")
    (site/"card.png").write_bytes(b"\x89PNG")
    code = f"from pathlib import Path; from skillnb.hub import space; print(space(Path({str(site)!r}), 'me/skills', 'Skills: \"now\"'))"
    done = python(code, hub, tmp_path)
    assert done.returncode == 0, done.stderr
    there = hub.files("space", "me/skills")
    assert set(there) == {".gitattributes", "README.md", "index.html", "skill/python.html", "card.png"} and there["card.png"] == b"\x89PNG"
    head = yaml.safe_load(there["README.md"].decode().split("---\n")[1])
    assert head["sdk"] == "static" and head["app_file"] == "index.html" and head["title"] == 'Skills: "now"'
    (site/"skill"/"python.html").unlink()
    (site/"index.html").write_text("<h1>second</h1>")
    assert python(code, hub, tmp_path).returncode == 0
    there = hub.files("space", "me/skills")
    assert there["index.html"] == b"<h1>second</h1>" and "skill/python.html" not in there
    assert len(hub.repos["space", "me/skills"]) == 3   # made, and one commit for each site


def test_a_refusal_says_what_to_do_and_no_token(tmp_path, hub):
    (tmp_path/"index.html").write_text("x")
    code = f"from pathlib import Path; from skillnb.hub import space; space(Path({str(tmp_path)!r}), 'me/skills', 'x')"
    wrong = python(code, hub, tmp_path, HF_TOKEN="another-secret")
    assert "Check HF_TOKEN" in wrong.stderr and "another-secret" not in wrong.stderr
    assert "expected a token in HF_TOKEN, found none" in python(code, hub, tmp_path, HF_TOKEN="", HF_HOME=str(tmp_path)).stderr


WRITE = f"""
import pandas as pd
from skillnb.store import Store
store = Store({STORE!r}, stage='clean')
with store.lock(): store.write('dropped', pd.DataFrame({{'stage': ['clean'], 'id': ['sample/1'], 'reason': ['REASON']}}), 'DAY')
"""
READ = f"from skillnb.store import Store; print(Store({STORE!r}).read('dropped').reason.tolist())"


def write(hub, home, reason, day="2026-01-05"): return python(WRITE.replace("REASON", reason).replace("DAY", day), hub, home)


def test_a_store_lives_on_the_hub(tmp_path, hub):
    for reason, day in (("first", "2026-01-05"), ("second", "2026-01-12"), ("third", "2026-01-12")):
        done = write(hub, tmp_path/"here", reason, day)
        assert done.returncode == 0, done.stderr
    assert len(hub.repos["dataset", "me/store"]) == 4   # made, and one commit for each hold
    assert ("dataset", "me/store") in hub.private
    there = hub.files("dataset", "me/store")
    assert sum(n.endswith("manifest.json") for n in there) == 2 and sum(n.endswith(".parquet") for n in there) == 2   # the replaced part is gone
    done = python(READ, hub, tmp_path/"elsewhere")
    assert done.stdout.strip() == "['first', 'third']", done.stderr


def test_of_two_writers_one_is_told_and_loses_nothing(tmp_path, hub):
    assert write(hub, tmp_path/"a", "first").returncode == 0
    late = python(WRITE.replace("DAY", "2026-01-19").replace("REASON", "mine").replace("store.write", f"__import__('subprocess').run([{sys.executable!r}, '-c', OTHER], check=True); store.write").replace(
        "import pandas", f"OTHER = {WRITE.replace('REASON', 'theirs').replace('DAY', '2026-01-12')!r}.replace('from skillnb', \"import os; os.environ['XDG_CACHE_HOME'] = {str(tmp_path/'b')!r}\\nfrom skillnb\", 1)\nimport pandas", 1), hub, tmp_path/"a")
    assert late.returncode == 1 and "somebody else changed it meanwhile" in late.stderr and "Nothing is lost" in late.stderr
    assert python(READ, hub, tmp_path/"c").stdout.strip() == "['first', 'theirs']"
    again = write(hub, tmp_path/"a", "more")
    assert "holds work that was not sent" in again.stderr
    assert len(hub.repos["dataset", "me/store"]) == 3


def test_what_a_killed_run_left_goes_on(tmp_path, hub):
    assert write(hub, tmp_path, "first").returncode == 0
    killed = python(WRITE.replace("DAY", "2026-01-12").replace("REASON", "half") .rstrip() + "; import os; os._exit(9)\n", hub, tmp_path)
    assert killed.returncode == 9 and len(hub.repos["dataset", "me/store"]) == 2
    assert write(hub, tmp_path, "next", "2026-01-19").returncode == 0
    assert python(READ, hub, tmp_path/"elsewhere").stdout.strip() == "['first', 'half', 'next']"


def test_command_line(tmp_path, hub, skillnb):
    (tmp_path/"text"/"05-01-2026").mkdir(parents=True)
    (tmp_path/"text"/"05-01-2026"/"1.txt").write_text("Requirements\n- Python and SQL\n" + "You will work with our data team on models that matter. " * 3)
    env = os.environ | hub.env | {"XDG_CACHE_HOME": str(tmp_path/"cache")}
    done = skillnb("import-text", tmp_path/"text", "--root", STORE, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert any(n.startswith("sightings/") for n in hub.files("dataset", "me/store"))
    bad = skillnb("status", "--root", "hf://me/store", env=env, cwd=tmp_path)
    assert bad.returncode == 1 and "hf://datasets/OWNER/NAME" in bad.stderr and "Traceback" not in bad.stderr
