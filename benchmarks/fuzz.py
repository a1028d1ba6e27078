#!/usr/bin/env python
"""The properties of `tests/test_fuzz.py` under atheris, which follows the code that each input reaches. `pip install atheris` first.

    python benchmarks/fuzz.py SECONDS [NAME]   # every property whose name holds NAME, for so long each; one line for each with the executions
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent/"tests"))


def properties():
    "Names of the properties that need no folder: atheris can give them nothing but bytes."
    import test_fuzz
    alone = lambda test: not {"here", "teacher"} & set(test.hypothesis.inner_test.__code__.co_varnames)
    return [n for n, f in vars(test_fuzz).items() if n.startswith("test_") and hasattr(f, "hypothesis") and alone(f)]


def fuzz(name, seconds):
    "One property in this process, until the time is over or it fails."
    import atheris
    with atheris.instrument_imports(include=["skillnb"]): import test_fuzz
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-print_final_stats=1", f"-artifact_prefix={tempfile.mkdtemp()}/"], getattr(test_fuzz, name).hypothesis.fuzz_one_input)
    atheris.Fuzz()


def main(seconds, part=""):
    for name in properties():
        if part not in name: continue
        done = subprocess.run([sys.executable, __file__, "--one", name, seconds], capture_output=True, text=True)
        ran = re.search(r"number_of_executed_units: (\d+)", done.stderr)
        print(f"{name}: {int(ran[1]):,} executions" if ran else f"{name}: no count", "" if not done.returncode else "FAILED\n" + done.stderr[-1500:], flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--one": fuzz(sys.argv[2], sys.argv[3])
    else: main(*sys.argv[1:3])
