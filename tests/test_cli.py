"""The command line as a person meets it: help, messages, exit status."""
import json

import pytest

TEXT = "Requirements:\n- Strong Python and PyTorch\n- Kubernetes is a plus\n\nBenefits:\n- Free lunch\n"


def test_help_names_every_stage(skillnb):
    done = skillnb("--help")
    assert done.returncode == 0
    for word in ("run", "fetch", "clean", "dedup", "label", "train", "tag-all", "skills", "map", "trends", "report",
                 "import-text", "export-text", "evaluate", "status", "sql"):
        assert word in done.stdout


@pytest.mark.parametrize("args, status, words", [
    (["run", "--profile", "weekl"], 2, "did you mean 'weekly'?"),
    (["run", "--set", "fetch.linkedin.titel_filter=x"], 2, "did you mean 'fetch.linkedin.title_filter'?"),
    (["run", "--set", "map.clusters=few"], 2, "valid integer"),
    (["run", "--from", "maps"], 2, "no stage is called 'maps'"),
    (["run", "--from", "report", "--to", "fetch"], 2, "nothing to run"),
    (["tag", "no/such/file.txt"], 2, "does not exist"),
    (["no-such-command"], 2, "No such command"),
    (["sql"], 2, "Missing argument"),
])
def test_bad_arguments_say_what_to_do(skillnb, args, status, words):
    done = skillnb(*args)
    assert done.returncode == status and words in done.stderr and "Traceback" not in done.stderr


def test_empty_store_points_to_the_command_that_fills_it(skillnb, tmp_path):
    done = skillnb("clean", "--root", tmp_path)
    assert done.returncode == 1 and "skillnb import-text FOLDER" in done.stderr
    done = skillnb("map", "--root", tmp_path)
    assert done.returncode == 1 and "Run `skillnb skills` first" in done.stderr


def test_root_that_is_a_file(skillnb, tmp_path):
    (tmp_path/"file").write_text("")
    for command in (["run", "--root", tmp_path/"file"], ["status", "--root", tmp_path/"file"]):
        done = skillnb(*command)
        assert done.returncode == 1 and "another --root" in done.stderr and "Traceback" not in done.stderr


def test_environment_sets_and_is_checked(skillnb):
    import os
    assert "trends.floor = 7" in skillnb("settings", env=os.environ | {"SKILLNB_TRENDS__FLOOR": "7"}).stdout
    done = skillnb("settings", env=os.environ | {"SKILLNB_TRENDS__FLOR": "7"})
    assert done.returncode == 2 and "did you mean 'trends.floor'?" in done.stderr


def test_tag_a_folder_as_json_lines(skillnb, tmp_path):
    (tmp_path/"13-04-2025").mkdir()
    (tmp_path/"13-04-2025"/"1.txt").write_bytes(TEXT.replace("\n", "\r\n").encode())
    (tmp_path/"empty.txt").write_text("")
    (tmp_path/"bad.txt").write_bytes(b"Python \xff\xfe and SQL are required skills for this role.\n")
    done = skillnb("tag", tmp_path, "--jsonl")
    assert done.returncode == 0, done.stderr
    rows = {r["path"]: r["spans"] for r in map(json.loads, done.stdout.splitlines())}
    assert set(rows) == {"13-04-2025/1.txt", "empty.txt", "bad.txt"} and rows["empty.txt"] == []
    text = (tmp_path/"13-04-2025"/"1.txt").read_bytes().decode()
    spans = rows["13-04-2025/1.txt"]
    assert all(text[s["start"]:s["end"]] == s["text"] for s in spans)
    assert {"Python", "PyTorch", "Kubernetes"} <= {s["skill"] for s in spans}
    assert {s["skill"]: s["section"] for s in spans}["Kubernetes"] == "preferred"


def test_tag_standard_input_for_a_person(skillnb):
    done = skillnb("tag", "-", input=TEXT)
    assert done.returncode == 0 and "Python" in done.stdout and "preferred" in done.stdout


def test_sql_and_status(skillnb, demo):
    done = skillnb("sql", "SELECT name, share FROM trends JOIN skills USING (skill_id) ORDER BY share DESC LIMIT 3", "--root", demo/"data", "--csv")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 4
    assert skillnb("sql", "SELECT nothing FROM trends", "--root", demo/"data").returncode == 1
    assert "sightings" in skillnb("status", "--root", demo/"data").stdout


def test_export_text(skillnb, demo, tmp_path):
    assert skillnb("export-text", tmp_path, "--root", demo/"data").returncode == 0
    tags = list((tmp_path/"tags").rglob("*.txt"))
    assert len(tags) > 500 and any("Python" in t.read_text().splitlines() for t in tags)
    assert sorted(p.suffix for p in (tmp_path/"plots").iterdir()) == [".html", ".html", ".png"]
