"""Secrets come from the environment and go nowhere else; nothing from outside is loaded that could be code."""
import os
import re
from pathlib import Path

import pytest
from openai_server import Server, error, mark
from servers import KEY, LinkedInServer, job

import skillnb as package

SECRETS = {name: f"planted-{name.lower().replace('_', '-')}-7c41e9" for name in ("RAPID_API_KEY", "OPENAI_API_KEY", "WANDB_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY")} | {"RAPID_API_KEY": KEY}
SOURCES = {p.name: p.read_text(encoding="utf-8") for p in Path(package.__file__).parent.glob("*.py")}
TEXT = "Requirements\n- You know Python and SQL\n- Kubernetes is a plus\n" + "You will do machine learning with our data team on models that matter. " * 4


def holding(folder, secret):
    "Files below a folder whose name or content holds a secret."
    return [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and (secret in p.name or secret.encode() in p.read_bytes())]


@pytest.mark.slow
def test_planted_secrets_are_found_nowhere(tmp_path, skillnb):
    said, env = [], os.environ | SECRETS | {"WANDB_MODE": "offline"}
    def run(*args):
        done = skillnb(*args, "--root", tmp_path/"data", *(x for s in given for x in ("--set", s)), env=env, cwd=tmp_path)
        said.append(done.stdout + done.stderr)
        return done
    linkedin = LinkedInServer([job(n, description_text=f"{TEXT} Number {n}.") for n in range(3)], [(401, {"message": f"no such key: {KEY}"})])
    with linkedin.serve() as board, Server(mark("Python", "SQL")) as llm:
        env |= {"OPENAI_BASE_URL": llm.url}
        given = ["fetch.sources=linkedin", f"fetch.linkedin.base_url={board}", "fetch.pause=0", "label.examples=fixed", "label.price_input=1", "label.price_cached=1", "label.price_output=1"]
        assert run("fetch").returncode == 1               # the board refuses the key, and says it
        done = run("run", "--to", "label")
        assert done.returncode == 0, done.stderr
        assert llm.billed
        llm.answer = lambda request: error(401, f"Incorrect API key provided: {SECRETS['OPENAI_API_KEY']}")
        given.append("label.max_postings=2")
        run("label")
        run("status")
        run("settings")
    for name, secret in SECRETS.items():
        assert holding(tmp_path, secret) == [], name
        assert not any(secret in text for text in said), name


@pytest.mark.parametrize("name", SOURCES)
def test_nothing_is_loaded_that_could_be_code(name):
    source = SOURCES[name]
    assert not re.search(r"torch\.load|allow_pickle=True|trust_remote_code=True|yaml\.load\(|(?<![.\w])(?:eval|exec)\(|read_pickle|joblib|shell=True|os\.system", source)
    assert name == "scale.py" or "pickle" not in source.replace("allow_pickle=False", "")   # there, between our own processes
    for call in re.findall(r"AutoModel\w*\.from_pretrained\([^)]*\)", source): assert "use_safetensors=True" in call, call
