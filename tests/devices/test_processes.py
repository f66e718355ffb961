import os
import subprocess
import sys

import pytest

from caesar.devices.processes import MARK, Process, end_marked, is_marked, marked, this_process


def test_this_process_is_alive_and_a_later_one_with_its_pid_is_another():
    me = this_process()

    assert me.alive
    assert not Process(me.pid, me.start_time + 1, me.boot).alive
    assert not Process(me.pid, me.start_time, "another boot").alive


def test_a_mark_names_the_process_and_when_it_began():
    assert f"{os.getpid()}.{this_process().start_time}" == this_process().mark


def test_a_process_in_the_middle_of_an_exec_is_no_stranger(monkeypatch):
    mark = f"{MARK}={this_process().mark}".encode()
    looks = iter([b"", b"", mark])
    monkeypatch.setattr("caesar.devices.processes._read_environment", lambda _: next(looks))

    assert is_marked(os.getpid())


@pytest.mark.slow
def test_a_process_without_an_environment_is_a_stranger():
    with subprocess.Popen(["sleep", "600"], env={}) as bare:
        try:
            assert not is_marked(bare.pid)
        finally:
            bare.kill()


@pytest.mark.slow
def test_what_a_holder_started_is_found_by_its_mark_and_ended_detached_or_not():
    holder = Process(4711, 42, "")
    sleeping = "import time; print(flush=True); time.sleep(600)"
    child = subprocess.Popen(
        [sys.executable, "-c", sleeping],
        env={**os.environ, MARK: holder.mark},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    stranger = subprocess.Popen([sys.executable, "-c", sleeping], stdout=subprocess.PIPE)
    child.stdout.readline()
    stranger.stdout.readline()

    found = tuple(marked(holder))
    theirs = is_marked(stranger.pid)
    left = end_marked(holder, within_s=30)
    child.wait(timeout=30)
    alive = stranger.poll() is None
    stranger.kill()
    stranger.wait()

    assert ((child.pid,), False, (), True) == (found, theirs, left, alive)
