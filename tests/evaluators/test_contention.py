"""Telling a disturbed timing from an undisturbed one."""

from __future__ import annotations

import os

import pytest

from caesar.evaluators.contention import Snapshot, Watch, busy_ticks

STAT = """\
cpu  200 10 50 1600 40 0 5 1 77 7
cpu0 100 10 50 800 40 0 5 1 77 7
cpu1 10 0 0 90 0 0 0 0 0 0
cpu10 90 0 0 710 0 0 0 0 0 0
intr 1 2 3
"""


def test_idle_and_waiting_are_no_work_and_guests_are_counted_once():
    assert (1006, 166) == busy_ticks(STAT, {0})


def test_only_the_processors_asked_for_are_counted():
    assert (100, 10) == busy_ticks(STAT, {1})
    assert (1106, 176) == busy_ticks(STAT, {0, 1})


@pytest.mark.parametrize("stat", ["", "intr 1 2 3\n", "cpu 1 2 3 4 5\n", "cpu0 one two\n"])
def test_an_unknown_layout_is_a_value_error(stat):
    with pytest.raises(ValueError, match=r"\w"):
        busy_ticks(stat, {0})


def watched(monkeypatch, *snapshots):
    """The share seen over stretches that begin and end with these snapshots."""
    following = iter(snapshots)
    monkeypatch.setattr(Snapshot, "now", lambda _cpus: next(following))
    watch = Watch()
    for _ in range(len(snapshots) // 2):
        with watch.watching():
            pass
    return watch.share


BEFORE = Snapshot(total=1000, busy=500, own=20.0)


@pytest.mark.parametrize(
    ("busy", "own", "share"),
    [(200, 200.0, 0.0), (200, 100.0, 0.25), (400, 0.0, 1.0), (100, 150.0, 0.0)],
)
def test_the_share_of_others_is_what_was_busy_less_what_this_process_used(monkeypatch, busy, own, share):
    after = Snapshot(total=1400, busy=500 + busy, own=20.0 + own)

    assert share == watched(monkeypatch, BEFORE, after)


def test_what_happens_between_the_stretches_does_not_count(monkeypatch):
    quiet = Snapshot(total=1100, busy=600, own=120.0)
    later, end = Snapshot(total=5000, busy=4500, own=120.0), Snapshot(total=5100, busy=4600, own=170.0)

    assert 0.25 == watched(monkeypatch, BEFORE, quiet, later, end)


@pytest.mark.parametrize("ticks", [0, 39])
def test_a_time_too_short_to_tell_has_no_share(monkeypatch, ticks):
    after = Snapshot(total=1000 + ticks, busy=500 + ticks, own=20.0)

    assert 0.0 == watched(monkeypatch, BEFORE, after)


def test_counters_that_are_not_shown_are_no_contention(monkeypatch):
    assert 0.0 == watched(monkeypatch, None, BEFORE)


def test_this_machine_shows_its_counters():
    snapshot = Snapshot.now(os.sched_getaffinity(0))

    assert snapshot is not None
    assert 0 < snapshot.busy <= snapshot.total


def test_a_watch_that_is_not_active_looks_at_nothing(monkeypatch):
    monkeypatch.setattr(Snapshot, "now", lambda _cpus: pytest.fail("it looked"))
    watch = Watch(active=False)

    with watch.watching():
        pass

    assert 0.0 == watch.share
