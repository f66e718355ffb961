import fcntl
import os
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from caesar.errors import StoreError
from caesar.stores.locks import WriteLock, locks_folder, owning

OWN_AND_WAIT = """
import sys, time
from pathlib import Path
from caesar.stores.locks import owning

with owning("run", Path(sys.argv[1])):
    print("owned", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def owner(tmp_path):
    """Another process that owns the run `run`."""
    with subprocess.Popen([sys.executable, "-c", OWN_AND_WAIT, tmp_path], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process
        process.kill()


def wait_until_locked(path):
    with path.open() as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            fcntl.flock(file, fcntl.LOCK_UN)
            time.sleep(0.001)


def test_lock_files_lie_in_a_folder_beside_the_store(tmp_path):
    assert tmp_path / "caesar.db-locks" == locks_folder(tmp_path / "caesar.db")
    assert (tmp_path / "caesar.db-locks").is_dir()


def test_a_write_lock_that_is_not_given_up_names_its_holder(tmp_path):
    with (
        closing(WriteLock(tmp_path, patience_s=1)) as one,
        closing(WriteLock(tmp_path, patience_s=0.02)) as other,
        one.held(),
        pytest.raises(StoreError, match=rf"not free for 0.02 s: process {os.getpid()} is writing it"),
        other.held(),
    ):
        pytest.fail("both hold the lock")


def test_a_write_lock_is_free_again_after_its_block(tmp_path):
    with closing(WriteLock(tmp_path, patience_s=0)) as one, closing(WriteLock(tmp_path, patience_s=0)) as other:
        for lock in (one, other, one):
            with lock.held():
                pass


def test_whoever_waited_for_the_write_lock_comes_before_the_one_that_had_it(tmp_path):
    order = []

    def wait():
        with closing(WriteLock(tmp_path, patience_s=10)) as lock, lock.held():
            order.append("waited")

    thread = threading.Thread(target=wait)
    with closing(WriteLock(tmp_path, patience_s=10)) as lock:
        with lock.held():
            thread.start()
            wait_until_locked(tmp_path / "next")
            order.append("had it")
        with lock.held():
            order.append("had it")
    thread.join()

    assert order == ["had it", "waited", "had it"]


def test_a_write_lock_leaves_its_files(tmp_path):
    with closing(WriteLock(tmp_path, patience_s=1)) as lock, lock.held():
        pass

    assert {"next", "writer"} == {path.name for path in tmp_path.iterdir()}


def test_a_run_has_one_owner_within_a_process_too(tmp_path):
    with (
        owning("run", tmp_path),
        pytest.raises(StoreError, match=f"run run is being worked on by process {os.getpid()}:"),
        owning("run", tmp_path),
    ):
        pytest.fail("both own the run")


def test_a_run_can_be_owned_again_after_its_block_even_if_that_failed(tmp_path):
    with pytest.raises(ZeroDivisionError), owning("run", tmp_path):
        raise ZeroDivisionError

    with owning("run", tmp_path):
        assert {"run-run"} == {path.name for path in tmp_path.iterdir()}


def test_runs_are_owned_apart_whatever_their_names(tmp_path):
    with owning("a", tmp_path), owning("a/b", tmp_path), owning("..", tmp_path):
        assert {"run-a", "run-a%2Fb", "run-.."} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.slow
def test_a_second_process_is_refused_with_the_owners_id(tmp_path, owner):
    with pytest.raises(StoreError, match=f"by process {owner.pid}:"), owning("run", tmp_path):
        pytest.fail("both own the run")


@pytest.mark.slow
def test_a_killed_owner_owns_nothing(tmp_path, owner):
    owner.kill()
    owner.wait()

    with owning("run", tmp_path):
        assert f"{os.getpid()}\n" == (tmp_path / "run-run").read_text()
