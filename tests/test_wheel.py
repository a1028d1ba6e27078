"""An installed skillnb has everything that `skillnb run` needs: modules, notebooks, sample, weights, assets."""
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_wheel_carries_notebooks_and_data(tmp_path):
    subprocess.run(["git", "clone", "-q", str(HERE), str(tmp_path/"clone")], check=True)
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(tmp_path/"clone")],
                   check=True, capture_output=True)
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    for p in (HERE/"nbs"/"pipeline").glob("*.ipynb"): assert f"skillnb/notebooks/pipeline/{p.name}" in names
    for p in (HERE/"nbs"/"report").glob("*.ipynb"): assert f"skillnb/notebooks/report/{p.name}" in names
    tracked = subprocess.run(["git", "ls-files", "skillnb"], cwd=HERE, capture_output=True, text=True).stdout.split()
    assert set(tracked) <= names
