import os
import time

import pytest

from caesar.builders.loaderlocks import drop_dead_locks


@pytest.fixture
def lock(tmp_path):
    path = tmp_path / "extension" / "lock"
    path.parent.mkdir()
    path.touch()
    os.utime(path, (time.time() - 60,) * 2)
    return path


def test_the_lock_of_a_killed_loader_goes(tmp_path, lock):
    drop_dead_locks(tmp_path)

    assert not lock.exists()


def test_the_lock_of_a_living_loader_stays(tmp_path, lock):
    with lock.open():
        drop_dead_locks(tmp_path)

    assert lock.exists()


def test_a_lock_that_may_be_released_just_now_stays(tmp_path, lock):
    lock.touch()

    drop_dead_locks(tmp_path)

    assert lock.exists()


def test_a_folder_without_locks_is_left_alone(tmp_path):
    (tmp_path / "lock").touch()

    drop_dead_locks(tmp_path)

    assert (tmp_path / "lock").exists()
