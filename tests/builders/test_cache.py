import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from caesar.builders.cache import BuildCache, Entry
from caesar.domain import BuildOutcome
from caesar.sandbox.artifact import MARK

KEY = "ab" + "0" * 62
BUILT = Entry(BuildOutcome.BUILT, None, "words", 1.5, {"MAX_JOBS": "2"})
FAILED = Entry(BuildOutcome.FAILED, "no_model", "words", 0.5, {})


@pytest.fixture
def cache(tmp_path) -> BuildCache:
    cache = BuildCache(tmp_path)
    cache.clear(KEY)
    (cache.folder(KEY) / "add").mkdir()
    (cache.folder(KEY) / "add" / "add.so").write_bytes(b"library")
    return cache


def test_a_remembered_build_is_found_with_its_libraries(cache):
    cache.remember(KEY, BUILT)

    found = cache.find(KEY)

    assert replace(BUILT, libraries=found.libraries) == found
    assert ["add/add.so"] == list(found.libraries)


def test_a_failed_build_is_remembered_without_its_files(cache):
    cache.remember(KEY, FAILED)

    assert FAILED == cache.find(KEY)
    assert [cache.folder(KEY) / MARK] == list(cache.folder(KEY).iterdir())


def test_a_build_without_a_mark_is_none(cache):
    assert cache.find(KEY) is None


@pytest.mark.parametrize("mark", [b"", b"{}", b"\xff", b'{"outcome": "lost"}'])
def test_a_damaged_mark_is_none(cache, mark):
    cache.remember(KEY, BUILT)
    (cache.folder(KEY) / MARK).write_bytes(mark)

    assert cache.find(KEY) is None


def test_a_build_whose_library_was_changed_or_lost_is_none(cache):
    cache.remember(KEY, BUILT)
    library = cache.folder(KEY) / "add" / "add.so"

    library.write_bytes(b"another")
    changed = cache.find(KEY)
    library.unlink()
    lost = cache.find(KEY)

    assert changed is None
    assert lost is None


def test_clearing_leaves_an_empty_folder_and_discarding_none(cache):
    cache.clear(KEY)
    assert [] == list(cache.folder(KEY).iterdir())

    cache.discard(KEY)
    assert not cache.folder(KEY).exists()


def test_a_library_that_a_loader_added_later_does_no_harm(cache):
    cache.remember(KEY, BUILT)
    (cache.folder(KEY) / "late.so").write_bytes(b"compiled in ModelNew.__init__")

    assert cache.find(KEY) is not None


def test_one_builder_at_a_time_has_a_key(tmp_path):
    first, second = BuildCache(tmp_path), BuildCache(tmp_path)
    seen = []

    async def hold(cache: BuildCache, name: str) -> None:
        async with cache.locked(KEY) as folder:
            seen.append((name, "in", folder))
            await asyncio.sleep(0.1)
            seen.append((name, "out", folder))

    async def both() -> None:
        await asyncio.gather(hold(first, "a"), hold(second, "b"))

    asyncio.run(both())

    folder = tmp_path / "ab" / KEY
    assert [("a", "in", folder), ("a", "out", folder), ("b", "in", folder), ("b", "out", folder)] == seen


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_called_a_library_and_is_no_plain_file_is_not_read(cache, make):
    make(cache.folder(KEY) / "endless.so")

    cache.remember(KEY, BUILT)

    assert ["add/add.so"] == list(cache.find(KEY).libraries)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_mark_that_is_no_plain_file_is_none(cache, make):
    make(cache.folder(KEY) / MARK)

    assert cache.find(KEY) is None


def test_a_candidates_own_mark_is_replaced(cache):
    os.mkfifo(cache.folder(KEY) / MARK)

    cache.remember(KEY, BUILT)

    assert BUILT.outcome is cache.find(KEY).outcome


def test_a_folder_that_was_removed_or_replaced_is_mended(cache):
    cache.discard(KEY)
    cache.mend(KEY)
    removed = cache.folder(KEY).is_dir()
    cache.discard(KEY)
    cache.folder(KEY).symlink_to("/")
    cache.mend(KEY)

    assert removed
    assert [] == list(cache.folder(KEY).iterdir())
