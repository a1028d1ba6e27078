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
    "Names of the tests that need no fixture but a folder."
    import test_fuzz
    return [n for n, f in vars(test_fuzz).items() if n.startswith("test_") and hasattr(f, "hypothesis")]


def fuzz(name, seconds):
    "One property in this process, until the time is over or it fails."
    import atheris
    with atheris.instrument_imports(include=["skillnb"]): import test_fuzz
    test = getattr(test_fuzz, name)
    inner, here = test.hypothesis.inner_test, Path(tempfile.mkdtemp())
    given = {"here": here} if "here" in inner.__code__.co_varnames[:inner.__code__.co_argcount] else {}
    if "teacher" in inner.__code__.co_varnames[:inner.__code__.co_argcount]: given["teacher"] = test_fuzz.Teacher("gpt-4o", str(here))
    if given: test.hypothesis.inner_test = lambda *args, **kwargs: inner(**given, **{k: v for k, v in kwargs.items() if k not in given})
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-print_final_stats=1", f"-artifact_prefix={here}/"], test.hypothesis.fuzz_one_input)
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
