"""Fixtures: the demo run that `make test` made, and the data of the shared folder where there is one."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent.parent
BROWSER = next((b for b in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if b), None)


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the slow tests too")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes many seconds; runs with --slow")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))


@pytest.fixture(scope="session")
def shared():
    "Real postings and labels; never part of the project."
    folder = Path(os.environ.get("SKILLNB_SHARED", HERE.parent/"shared"))/"data"
    if not folder.exists(): pytest.skip("needs the shared data folder (SKILLNB_SHARED), which is not part of the project")
    return folder


@pytest.fixture(scope="session")
def skillnb():
    "Run the command line; returns the completed process with its text."
    def command(*args, **kwargs):
        return subprocess.run([sys.executable, "-c", "from skillnb.cli import main; main()", *map(str, args)],
                              capture_output=True, text=True, cwd=kwargs.pop("cwd", HERE), **kwargs)
    return command


@pytest.fixture(scope="session")
def demo(skillnb, tmp_path_factory):
    "Folder of a finished demo run: `data` and `site`. Made by `make test`, or here when pytest runs alone."
    if made := os.environ.get("SKILLNB_DEMO"): return Path(made)
    folder = tmp_path_factory.mktemp("demo")
    done = skillnb("run", "--root", folder/"data", "--set", f"report.out={folder/'site'}")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    "The site of a small store in which strangers attack every page."
    from site_store import fill
    from skillnb.config import load
    from skillnb.flow import run
    folder = tmp_path_factory.mktemp("planted")
    fill(folder/"store")
    run(load("demo", (f"report.out={folder/'planted'}",), root=str(folder/"store"), environ={}), "report", "report")
    return folder/"planted"


@pytest.fixture(scope="session")
def real(skillnb, shared, tmp_path_factory):
    "The site of some real postings of two weeks."
    folder = tmp_path_factory.mktemp("real")
    for day, n in (("06-04-2025", 25), ("13-04-2025", 45)):   # enough for a share to be given
        (folder/"text"/day).mkdir(parents=True)
        for f in sorted((shared/"postings"/day).glob("*.txt"))[:n]: shutil.copy(f, folder/"text"/day/f.name)
    for command in (("import-text", folder/"text"), ("run", "--from", "clean", "--set", f"report.out={folder/'real'}")):
        done = skillnb(*command, "--root", folder/"data")
        assert done.returncode == 0, done.stderr
    return folder/"real"


@pytest.fixture(scope="session")
def browser():
    "One Chromium for every test that looks at a site."
    sync = pytest.importorskip("playwright.sync_api", reason="no playwright: the site is not looked at in a browser")
    if not BROWSER: pytest.skip("no Chromium on this machine: the site is not looked at in a browser")
    with sync.sync_playwright() as p:
        b = p.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--enable-unsafe-swiftshader"])
        yield b
        b.close()
