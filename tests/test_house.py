"""The house: layers, versions, notebooks and stages agree with each other."""
import ast
import configparser
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skillnb
from skillnb.flow import STAGES, notebooks
from skillnb.schema import TABLES

HERE = Path(__file__).resolve().parent.parent
LIBRARY = {re.sub(r"^\d+_", "", p.stem): int(p.stem[:2]) for p in (HERE/"nbs").glob("[0-9][0-9]_*.ipynb")}
HOMES = {"torch": {"train", "tag", "embed"}, "transformers": {"train", "tag", "embed"}, "umap": {"cluster"}, "duckdb": {"store"},
         "papermill": {"flow"}, "statsmodels": {"trends"}, "matplotlib": {"plot"}, "openai": {"teacher"}, "ray": {"scale"},
         "wandb": {"track"}, "huggingface_hub": {"hub"}, "onnx": {"int8"}, "onnxruntime": {"int8"}, "hyperscan": {"sieve"}}


def imports(module):
    "Every module that `skillnb/module.py` imports, wherever the statement stands."
    for node in ast.walk(ast.parse((HERE/"skillnb"/f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import): yield from (a.name for a in node.names)
        if isinstance(node, ast.ImportFrom): yield "." * node.level + (node.module or "")


def internal(module):
    for name in imports(module):
        m = re.match(r"(?:skillnb)?\.(\w+)", name)
        if m and m[1] in LIBRARY: yield m[1]


@pytest.mark.parametrize("module", LIBRARY)
def test_imports_point_down(module):
    for other in internal(module):
        assert LIBRARY[other] < LIBRARY[module], f"{module} imports {other}, which stands above it"
        shared = {"normalise"} if LIBRARY[module] > 31 else set()   # what a name is, and what a share is, later stages take over
        if LIBRARY[module] > 33: shared |= {"trends"}
        if 10 <= LIBRARY[module] < 40: assert LIBRARY[other] < 10 or other in shared, f"stage {module} imports stage {other}"


@pytest.mark.parametrize("library", HOMES)
def test_heavy_libraries_have_one_home(library):
    used = {m for m in LIBRARY if any(i.split(".")[0] == library for i in imports(m))}
    assert used <= HOMES[library], f"{library} is imported by {used - HOMES[library]}"


def test_the_guard_sees_what_it_guards():
    assert "schema" in set(internal("store")) and "duckdb" in set(imports("store"))
    assert len(LIBRARY) >= 18


def test_import_is_light():
    code = "import sys, skillnb; print(*[m for m in ('torch', 'transformers', 'pandas', 'umap', 'papermill') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == ""


def test_command_line_needs_no_torch():
    code = "import sys, skillnb.cli; print(*[m for m in ('torch', 'transformers', 'umap', 'sklearn', 'matplotlib') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == ""


def test_version_stands_once():
    ini = configparser.ConfigParser()
    ini.read(HERE/"settings.ini", encoding="utf-8")
    assert ini["DEFAULT"]["version"] == skillnb.__version__
    assert f"## {skillnb.__version__}" in (HERE/"CHANGELOG.md").read_text(encoding="utf-8")


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@pytest.mark.parametrize("stage", STAGES, ids=lambda s: s.name)
def test_pipeline_notebook_declares_its_parameters(stage):
    if stage.name == "report": pytest.skip("the report is many notebooks")
    book = cells(notebooks("pipeline")/f"{stage.name}.ipynb")
    tagged = [c for c in book if "parameters" in c["metadata"].get("tags", [])]
    assert len(tagged) == 1
    names = {re.match(r"(\w+)", line)[1] for line in tagged[0]["source"] if re.match(r"\w+ *[:=]", line)}
    assert names == {"root", "config", "work"}


def test_stages_write_known_tables():
    for s in STAGES: assert set(s.reads) | set(s.writes) <= set(TABLES)


def test_every_library_notebook_opens_with_a_promise():
    for path in (HERE/"nbs").glob("[0-9][0-9]_*.ipynb"):
        first = "".join(cells(path)[0]["source"])
        assert re.match(r"# \w+\n+> .+\.", first), path.name


def test_no_machine_path_is_stored():
    "Notebook outputs name no place of the machine that ran them."
    for path in (HERE/"nbs").rglob("*.ipynb"):
        for c in cells(path):
            assert not re.search(r"/(home|root|work|Users)/\w", json.dumps(c.get("outputs", []))), path.name
