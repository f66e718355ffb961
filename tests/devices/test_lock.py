import gc
import os
import stat

import pytest
from filelock import FileLock, Timeout
from open_files import open_files

from caesar.devices.lock import is_locked, try_lock


def test_a_lock_excludes_another_until_it_is_dropped(tmp_path):
    path = tmp_path / "lock"

    first = try_lock(path)
    refused, told = try_lock(path), is_locked(str(path))
    first.drop()
    second = try_lock(path)

    assert refused is None
    assert told
    assert second is not None
    second.drop()
    assert not is_locked(str(path))


def test_a_lock_and_filelocks_lock_of_the_same_path_exclude_each_other(tmp_path):
    """Processes of an older version take it by path."""
    path = tmp_path / "lock"
    older = FileLock(path, timeout=0, fallback_to_soft=False)

    with older:
        refused = try_lock(path)
    lock = try_lock(path)

    assert refused is None
    with pytest.raises(Timeout):
        older.acquire()
    lock.drop()


def test_a_lock_that_is_dropped_is_free_though_a_forked_child_has_its_descriptor(tmp_path):
    path = tmp_path / "lock"
    lock = try_lock(path)
    copy = os.dup(lock.file.fileno())  # of the same open file, as a child's would be

    lock.drop()

    assert not is_locked(str(path))
    os.close(copy)


def test_a_file_that_was_replaced_is_not_the_locked_one(tmp_path):
    path = tmp_path / "lock"
    lock = try_lock(path)
    before = lock.is_at(path)
    (tmp_path / "other").touch()
    (tmp_path / "other").replace(path)
    replaced = lock.is_at(path)
    path.unlink()

    assert (True, False, False) == (before, replaced, lock.is_at(path))
    lock.drop()


def test_whoever_is_refused_keeps_no_descriptor(tmp_path, monkeypatch):
    lock = try_lock(tmp_path / "held")
    (tmp_path / "link").symlink_to(tmp_path / "held")

    assert try_lock(tmp_path / "held") is None
    with pytest.raises(OSError, match="symbolic links"):
        try_lock(tmp_path / "link")
    with monkeypatch.context() as without:
        without.setattr("filelock._unix.fcntl.flock", _missing)
        with pytest.raises(OSError, match="not implemented"):
            try_lock(tmp_path / "held")
    assert [lock.file.fileno()] == open_files(tmp_path)
    lock.drop()


def test_a_lock_whose_file_cannot_be_looked_at_is_not_kept(tmp_path, monkeypatch):
    path = tmp_path / "lock"
    path.touch()

    with monkeypatch.context() as broken:
        broken.setattr("caesar.devices.lock.os.fstat", _broken)
        with pytest.raises(OSError, match="Input/output error"):
            try_lock(path)

    assert [] == open_files(tmp_path)
    assert not is_locked(str(path))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_lock_that_nobody_refers_to_any_more_is_free(tmp_path):
    path = tmp_path / "lock"
    lock = try_lock(path)
    held = is_locked(str(path))

    del lock
    gc.collect()

    assert held
    assert not is_locked(str(path))


@pytest.mark.timeout(10)
def test_whether_a_fifo_is_locked_is_told_at_once(tmp_path):
    path = tmp_path / "lock"
    os.mkfifo(path)

    free = is_locked(str(path))
    lock = try_lock(path)

    assert (False, True) == (free, is_locked(str(path)))
    lock.drop()


def test_a_holders_notes_in_the_file_and_its_mode_are_left_alone(tmp_path):
    path = tmp_path / "lock"
    path.write_text("noted")
    path.chmod(0o640)

    try_lock(path).drop()

    assert "noted" == path.read_text()
    assert 0o640 == stat.S_IMODE(path.stat().st_mode)


def _missing(descriptor, operation):
    raise OSError(38, "Function not implemented")


def _broken(descriptor):
    raise OSError(5, "Input/output error")
