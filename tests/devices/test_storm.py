"""Processes killed by SIGKILL while they hold, wait, take over: the benchmark's storm, shorter."""

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def leases(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    found = importlib.util.spec_from_file_location("leases", BENCHMARKS / "leases.py")
    module = importlib.util.module_from_spec(found)
    monkeypatch.setitem(sys.modules, "leases", module)
    found.loader.exec_module(module)
    monkeypatch.setattr(module, "WORKERS", 12)
    monkeypatch.setattr(module, "LIVING", 4)
    monkeypatch.setattr(module, "SLOTS", 3)
    return module


@pytest.mark.slow
def test_no_slot_is_held_twice_lost_or_left_open_whoever_is_killed_when(leases):
    measures = {measure.name: measure.value for measure in leases.measured(4.0)}

    assert measures["killed by SIGKILL"] > 0
    wrong = ("two holders at once", "faults", "grants not closed exactly once", "slots not free at the end")
    assert dict.fromkeys(wrong, 0) == {name: measures[name] for name in wrong}
    assert 0 == measures["lines of the journal that can't be read"]
