"""Runs that are killed at random moments come to the same end as one that nobody disturbed."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent/"benchmarks"))


@pytest.mark.slow
def test_twenty_kills(tmp_path):
    "Spread over the stages; the long test, `python benchmarks/kill.py`, has more than two hundred."
    from kill import Trial
    trial = Trial(tmp_path, seed=1, kernels=0).run(20)
    ends = [r for r in trial.rows if r["stage"] == "end"]
    assert len(trial.rows) - len(ends) == 20 and {r["wrong"] for r in ends} == {""}, ends
    assert len({r["stage"] for r in trial.rows}) > 4
    assert sum(r["twice"] for r in ends) <= 4 * sum(r["stage"] == "label" for r in trial.rows)   # answers on their way when the kill came: four ask at once
