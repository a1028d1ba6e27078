"""Package metadata comes from settings.ini; the pipeline and report notebooks travel inside the wheel."""
import configparser
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

here = Path(__file__).parent
ini = configparser.ConfigParser()
ini.read(here/"settings.ini", encoding="utf-8")
meta = ini["DEFAULT"]


class WithNotebooks(build_py):
    "Copy the notebooks that `skillnb run` executes into the package, where an installed `skillnb` finds them."
    def run(self):
        super().run()
        if self.editable_mode: return   # a checkout finds them in nbs/
        for folder in ("pipeline", "report"):
            shutil.copytree(here/"nbs"/folder, Path(self.build_lib)/"skillnb"/"notebooks"/folder, dirs_exist_ok=True)
        shutil.copy(here/"_quarto.yml", Path(self.build_lib)/"skillnb"/"notebooks")


setup(
    name=meta["lib_name"],
    version=meta["version"],
    description=meta["description"],
    long_description=(here/"README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license=meta["license"],
    keywords=meta["keywords"].split(),
    python_requires=f">={meta['min_python']}",
    packages=["skillnb"],
    package_data={"skillnb": ["sample/*", "weights/*", "assets/*", "*.csv", "*.parquet"]},
    install_requires=meta["requirements"].split(),
    extras_require={extra: meta[f"{extra}_requirements"].split() for extra in ("ray", "s3", "dev")},
    entry_points={"console_scripts": meta["console_scripts"].split(), "nbdev": ["skillnb=skillnb._modidx:d"]},
    cmdclass={"build_py": WithNotebooks},
    zip_safe=False,
)
