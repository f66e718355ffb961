"""`caesar devices`: what it shows, and what it lifts."""

from __future__ import annotations

import fcntl
import json
import os
from threading import Timer

import pytest
from engine.worlds import Setup, completion, forked

from caesar.cli.devices import devices_command
from caesar.devices import journal
from caesar.devices.journal import What
from caesar.devices.lease import try_lease
from caesar.devices.processes import Process
from caesar.devices.quarantine import read_quarantine
from caesar.devices.turnstile import Turnstile
from caesar.errors import UsageError
from caesar.stores.eventlog import SqliteEventLog

GONE = Process(pid=2**22 + 1, start_time=1, boot="another boot")


@pytest.fixture
def locks(tmp_path, monkeypatch):
    monkeypatch.setenv("CAESAR_LOCKS", str(tmp_path / "locks"))
    monkeypatch.setenv("PATH", "")  # no GPU, whatever this machine has
    monkeypatch.delenv("CAESAR_CPU_SLOTS", raising=False)
    (tmp_path / "locks").mkdir(mode=0o700)
    return tmp_path / "locks"


def shown(capsys, store):
    assert 0 == devices_command(store, lift=None, watch=False, json=True)
    document = json.loads(capsys.readouterr().out)
    (device,) = document["devices"]
    return device, document["queue"]


def test_a_free_device_is_held_by_nobody(locks, capsys, tmp_path):
    device, queue = shown(capsys, tmp_path / "no.db")

    assert ("cpu:0", "free", None, None) == tuple(
        device[key] for key in ("device", "state", "pid", "quarantine")
    )
    assert [] == queue


def test_a_held_device_says_who_holds_it_what_for_and_who_waits(locks, capsys, tmp_path):
    lease = try_lease("cpu:0", folder=locks)
    lease.grant("RUN/1/0:2.0:evaluate", waited_s=0.0, alone=None)

    with Turnstile(locks, ["cpu:0"]).passed():
        device, queue = shown(capsys, tmp_path / "no.db")
    lease.end()

    assert ("working", 1, "RUN/1/0:2.0:evaluate") == (device["state"], device["token"], device["request"])
    assert lease.process.pid == device["pid"]
    assert [{"devices": ["cpu:0"], "waiting": 1}] == queue


def test_what_a_killed_holder_left_is_not_shown_as_held(locks, capsys, tmp_path):
    lease = try_lease("cpu:0", folder=locks, process=GONE)
    lease.grant("RUN/1/0:2.0:evaluate", waited_s=0.0, alone=None)
    lease._lock.drop()

    device, _ = shown(capsys, tmp_path / "no.db")

    assert ("free", None) == (device["state"], device["request"])


def test_a_device_that_is_being_reclaimed_says_so(locks, capsys, tmp_path):
    dead = try_lease("cpu:0", folder=locks, process=GONE)
    dead.grant("work", waited_s=0.0, alone=None)

    device, _ = shown(capsys, tmp_path / "no.db")
    dead.end()

    assert "reclaiming" == device["state"]


def test_the_run_and_the_candidate_are_looked_up_in_the_store(locks, capsys, tmp_path):
    with SqliteEventLog.open(tmp_path / "store.db", clock_us=lambda: 1) as log:
        setup = Setup(completions=[completion("passed")], log=log)
        setup.problems = setup.problems[:1]
        setup.run()
        candidate = setup.trajectory().current.candidate
    lease = try_lease("cpu:0", folder=locks)
    lease.grant("RUN/1/0:1.0:evaluate", waited_s=0.0, alone=None)

    device, _ = shown(capsys, tmp_path / "store.db")
    lease.end()

    assert ("fake", candidate) == (device["run"], device["candidate"])


def test_what_a_fork_works_on_is_looked_up_with_its_parent(locks, capsys, tmp_path):
    with SqliteEventLog.open(tmp_path / "store.db", clock_us=lambda: 1) as log:
        setup = Setup(log=log)
        setup.run()
        forked(setup, turn=2)
        candidate = setup.trajectory().current.candidate
    lease = try_lease("cpu:0", folder=locks)
    lease.grant("FORK/1/0:3.0:evaluate", waited_s=0.0, alone=None)

    device, _ = shown(capsys, tmp_path / "store.db")
    lease.end()

    assert ("FORK", candidate) == (device["run"], device["candidate"])


def test_a_quarantine_is_shown_with_how_to_lift_it_and_lifting_it_is_recorded(locks, capsys, tmp_path):
    lease = try_lease("cpu:0", folder=locks)
    lease.quarantine("it is on fire")
    lease.end()

    before, _ = shown(capsys, tmp_path / "no.db")
    status = devices_command(tmp_path / "no.db", lift="cpu:0", watch=False, json=False)
    after, _ = shown(capsys, tmp_path / "no.db")

    assert ("quarantine", "it is on fire") == (before["state"], before["quarantine"]["reason"])
    assert "caesar devices --lift cpu:0" == before["quarantine"]["lift"]
    assert (0, "free", None) == (status, after["state"], after["quarantine"])
    assert [What.QUARANTINE, What.LIFT] == [entry.what for entry in journal.entries(locks)]


def test_a_device_that_fails_its_probe_stays_in_quarantine(locks, capsys, tmp_path, monkeypatch):
    async def unhealthy(device):
        return "it still burns"

    monkeypatch.setattr("caesar.cli.devices.healthy", unhealthy)
    lease = try_lease("cpu:0", folder=locks)
    lease.quarantine("it is on fire")
    lease.end()

    status = devices_command(tmp_path / "no.db", lift="cpu:0", watch=False, json=False)

    assert 1 == status
    assert "device cpu:0 stays: it still burns\n" == capsys.readouterr().err
    assert read_quarantine(locks, "cpu:0") is not None


def in_quarantine(locks):
    lease = try_lease("cpu:0", folder=locks)
    lease.quarantine("it is on fire")
    lease.end()


def test_one_who_only_looks_at_the_lock_does_not_keep_a_quarantine_from_being_lifted(
    locks, tmp_path, monkeypatch
):
    monkeypatch.setattr("caesar.cli.devices._LOOKS_S", 60.0)
    in_quarantine(locks)
    look = os.open(locks / "cpu-0.lock", os.O_RDONLY)
    fcntl.flock(look, fcntl.LOCK_SH)
    Timer(0.1, os.close, [look]).start()

    assert 0 == devices_command(tmp_path / "no.db", lift="cpu:0", watch=False, json=False)
    assert read_quarantine(locks, "cpu:0") is None


def test_a_quarantine_is_not_lifted_while_the_device_is_held(locks, tmp_path, monkeypatch):
    monkeypatch.setattr("caesar.cli.devices._LOOKS_S", 0.05)
    in_quarantine(locks)
    holding = try_lease("cpu:0", folder=locks, quarantined=True)

    with pytest.raises(UsageError, match="device cpu:0 is held by a process; try again when it has ended"):
        devices_command(tmp_path / "no.db", lift="cpu:0", watch=False, json=False)
    holding.end()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cpu:0", "device cpu:0 is not in quarantine: there is nothing to lift"),
        ("GPU-1", "no device GPU-1 here; there are: cpu:0"),
    ],
)
def test_what_cannot_be_lifted_is_refused_with_a_sentence(locks, tmp_path, name, message):
    with pytest.raises(UsageError, match=message):
        devices_command(tmp_path / "no.db", lift=name, watch=False, json=False)


def test_people_get_a_table_and_the_queue(locks, capsys, tmp_path):
    devices_command(tmp_path / "no.db", lift=None, watch=False, json=False)

    heading, device, waiting = capsys.readouterr().out.splitlines()
    assert heading.split()[:3] == ["device", "name", "state"]
    assert device.startswith("cpu:0")
    assert f"waiting: 0 processes; locks in {locks}" == waiting
