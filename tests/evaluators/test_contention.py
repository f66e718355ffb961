"""Telling a disturbed timing from an undisturbed one."""

from __future__ import annotations

import pytest

from caesar.evaluators.contention import Snapshot, busy_ticks, share_of_others

STAT = "cpu  100 10 50 800 40 0 5 1 77 7\ncpu0 1 1 1 1\n"


def test_idle_and_waiting_are_no_work_and_guests_are_counted_once():
    assert (1006, 166) == busy_ticks(STAT)


@pytest.mark.parametrize("stat", ["", "intr 1 2 3\n", "cpu one two\n"])
def test_an_unknown_layout_is_a_value_error(stat):
    with pytest.raises(ValueError, match=r"\w"):
        busy_ticks(stat)


@pytest.mark.parametrize(
    ("busy", "own", "share"),
    [(200, 200.0, 0.0), (200, 100.0, 0.25), (400, 0.0, 1.0), (100, 150.0, 0.0)],
)
def test_the_share_of_others_is_what_was_busy_less_what_this_process_used(busy, own, share):
    before = Snapshot(total=1000, busy=500, own=20.0)
    after = Snapshot(total=1400, busy=500 + busy, own=20.0 + own)

    assert share == share_of_others(before, after)


@pytest.mark.parametrize("ticks", [0, 39])
def test_a_time_too_short_to_tell_has_no_share(ticks):
    before = Snapshot(total=1000, busy=500, own=20.0)
    after = Snapshot(total=1000 + ticks, busy=500 + ticks, own=20.0)

    assert 0.0 == share_of_others(before, after)


def test_this_machine_shows_its_counters():
    snapshot = Snapshot.now()

    assert snapshot is not None
    assert 0 < snapshot.busy <= snapshot.total
