"""The workflows: least privilege, pinned actions, scripts that a shell can read."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).resolve().parent.parent/".github"/"workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
JOBS = [(p.name, name, job) for p in WORKFLOWS for name, job in yaml.safe_load(p.read_text(encoding="utf-8"))["jobs"].items()]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.name)
def test_actions_are_pinned_by_commit(path):
    for used in re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8")):
        assert used.startswith("./") or re.search(r"@[0-9a-f]{40}$", used), used


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.name)
def test_nothing_is_permitted_that_no_job_asks_for(path):
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] in ({}, {"contents": "read"})


@pytest.mark.parametrize("file, name, job", JOBS, ids=lambda x: x if isinstance(x, str) else "")
def test_scripts_are_shell(file, name, job):
    for step in job.get("steps", []):
        script = re.sub(r"\$\{\{.*?\}\}", "x", step.get("run", "true"))
        assert "${{" not in step.get("run", ""), "a value from outside goes into a script by its environment only"
        assert subprocess.run(["bash", "-n", "-c", script], capture_output=True).returncode == 0


def test_zizmor_finds_nothing():
    zizmor = shutil.which("zizmor") or pytest.skip("zizmor is not installed")
    done = subprocess.run([zizmor, "--offline", "--no-progress", "-q", str(FOLDER)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
