"""Folders as hostile jobs leave them."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from caesar.sandbox.folders import job_folder, remove_abandoned, remove_folder

NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in one that every user may change."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o777)
        folder = Path(place, "folder")
        folder.mkdir()
        folder.chmod(0o777)
        yield folder


def dig(folder: Path, depth: int) -> None:
    """Folders in folders, deeper than any path can name."""
    here = os.open(folder, os.O_DIRECTORY)
    for _level in range(depth):
        os.mkdir("deeper", dir_fd=here)
        os.close(os.open("file", os.O_CREAT, dir_fd=here))
        inner = os.open("deeper", os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def as_nobody(work) -> int:
    """The exit status of a process that does something without root's rights."""
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setresuid(NOBODY, NOBODY, NOBODY)
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_folder_is_gone_with_all_that_lies_in_it(folder):
    (folder / "one" / "two").mkdir(parents=True)
    (folder / "one" / "file").touch()
    (folder / "other").mkdir()
    os.mkfifo(folder / "other" / "pipe")

    remove_folder(folder)

    assert not folder.exists()


def test_a_folder_too_deep_for_a_path_is_removed(folder):
    dig(folder, 1500)

    remove_folder(folder)

    assert not folder.exists()


def test_links_are_removed_and_not_followed(folder, tmp_path):
    (tmp_path / "kept").touch()
    (folder / "link").symlink_to(tmp_path)
    (folder / "deeper").mkdir()
    (folder / "deeper" / "link").symlink_to(tmp_path)

    remove_folder(folder)

    assert not folder.exists()
    assert (tmp_path / "kept").exists()


def test_a_link_in_the_folders_place_is_left_alone(folder, tmp_path):
    (tmp_path / "kept").touch()
    link = folder / "link"
    link.symlink_to(tmp_path)

    remove_folder(link)

    assert (link / "kept").exists()


def test_folders_that_were_shut_are_removed_by_their_owner(folder):
    own = folder / "own"

    def shut() -> None:
        inner = own / "two" / "three"
        inner.mkdir(parents=True)
        (inner / "file").touch()
        for place in (inner, *inner.parents[:2]):
            place.chmod(0)
        remove_folder(own)

    assert 0 == as_nobody(shut)
    assert not own.exists()


def test_a_folder_that_is_not_there_is_no_error(tmp_path):
    remove_folder(tmp_path / "missing")

    assert not (tmp_path / "missing").exists()


def test_a_jobs_folder_is_gone_after_the_block_however_deep_it_is():
    with job_folder("test") as place:
        dig(place, 3000)

    assert not place.exists()


def test_a_jobs_folder_is_gone_after_an_error():
    with pytest.raises(FileExistsError), job_folder("test") as place:
        place.mkdir()

    assert not place.exists()


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """A temporary folder of its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_jobs_folder_whose_maker_was_killed_is_removed_by_the_next_who_looks(temporary):
    child = os.fork()
    if child == 0:
        with job_folder("test") as place:
            dig(place, 10)
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    left = list(temporary.iterdir())

    remove_abandoned()

    assert 1 == len(left)
    assert [] == list(temporary.iterdir())


def test_a_jobs_folder_that_is_in_use_is_not_abandoned_and_what_is_none_is_left_alone(temporary):
    other = temporary / "caesar-0"
    other.mkdir()

    with job_folder("test") as place:
        remove_abandoned()

        assert {place, other} == set(temporary.iterdir())


def test_a_folder_that_was_taken_for_abandoned_before_it_was_locked_is_made_again(temporary, monkeypatch):
    gone, there = temporary / "gone", temporary / "there"
    there.mkdir()
    made = iter([str(gone), str(there)])
    monkeypatch.setattr(tempfile, "mkdtemp", lambda prefix: next(made))

    with job_folder("test") as place:
        assert there == place
