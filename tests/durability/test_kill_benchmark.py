"""benchmarks/kills.py, with two kills: that what it measures can be measured, and that nothing goes wrong."""

import asyncio
import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def kills(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    found = importlib.util.spec_from_file_location("kills", BENCHMARKS / "kills.py")
    module = importlib.util.module_from_spec(found)
    monkeypatch.setitem(sys.modules, "kills", module)
    found.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_whoever_is_killed_in_a_pass_nothing_is_wrong_or_lost_or_left(kills):
    count = asyncio.run(kills.passes(2, seed="test"))

    assert 2 == sum(times for victim, times in count.kills.items() if victim != kills.NOBODY)
    assert ([], [], []) == (count.wrong, count.unfinished, count.lost_events)
    assert ([], []) == (count.lost_devices, count.orphans)
