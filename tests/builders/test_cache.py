import asyncio
import os
import time
from dataclasses import replace

import pytest

from caesar.builders import cache as caches
from caesar.builders.cache import BuildCache, Entry, Part
from caesar.domain import BuildOutcome
from caesar.sandbox.artifact import MARK

KEY = "ab" + "0" * 62
BUILT = Entry(BuildOutcome.BUILT, None, "words", 1.5, headers="slim", extensions={"d": Part("d.so")})
FAILED = Entry(BuildOutcome.FAILED, "no_model", "words", 0.5, dropped=("-fplugin=x",))


@pytest.fixture
def cache(tmp_path) -> BuildCache:
    return BuildCache(tmp_path / "cache")


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "made.so"
    path.write_bytes(b"library")
    return path


def test_a_kept_build_is_found_with_its_files(cache, library):
    kept = cache.keep(KEY, BUILT, {"d.so": library})

    assert kept == cache.find(KEY)
    assert replace(BUILT, files=kept.files) == kept
    assert b"library" == (cache.folder(KEY) / "d.so").read_bytes()


def test_a_failed_build_is_remembered(cache):
    cache.keep(KEY, FAILED, {})

    assert FAILED == cache.find(KEY)


def test_what_is_kept_is_read_only(cache, library):
    cache.keep(KEY, BUILT, {"lib/d.so": library})

    modes = {oct(path.stat().st_mode & 0o777) for path in cache.folder(KEY).rglob("*") if path.is_file()}
    folders = {oct(path.stat().st_mode & 0o777) for path in (cache.folder(KEY), cache.folder(KEY) / "lib")}

    assert ({"0o444"}, {"0o555"}) == (modes, folders)


def test_keeping_again_replaces_what_was_kept(cache):
    cache.keep(KEY, FAILED, {})
    cache.keep(KEY, BUILT, {})

    assert BUILT == cache.find(KEY)
    assert [] == list(cache.folder(KEY).parent.glob("unfinished-*"))


def test_a_build_without_a_mark_is_none(cache):
    cache.folder(KEY).mkdir(parents=True)

    assert cache.find(KEY) is None


@pytest.mark.parametrize("mark", [b"", b"{}", b"\xff", b'{"outcome": "lost"}'])
def test_a_damaged_mark_is_none(cache, mark):
    cache.folder(KEY).mkdir(parents=True)
    (cache.folder(KEY) / MARK).write_bytes(mark)

    assert cache.find(KEY) is None


def test_a_build_whose_library_was_changed_or_lost_is_none(cache, library):
    cache.keep(KEY, BUILT, {"d.so": library})
    kept = cache.folder(KEY) / "d.so"

    kept.chmod(0o644)
    kept.write_bytes(b"another")
    changed = cache.find(KEY)
    cache.folder(KEY).chmod(0o755)
    kept.unlink()
    lost = cache.find(KEY)

    assert changed is None
    assert lost is None


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_plain_file_is_not_read(cache, library, make):
    cache.keep(KEY, BUILT, {"d.so": library})
    cache.folder(KEY).chmod(0o755)
    for name in ("d.so", MARK):
        (cache.folder(KEY) / name).unlink()
        make(cache.folder(KEY) / name)

    assert cache.find(KEY) is None


def test_the_least_recently_used_go_when_there_is_too_much(tmp_path):
    cache = BuildCache(tmp_path, most_bytes=5000)
    keys = [f"{number:02x}" + "0" * 62 for number in range(4)]
    big = tmp_path / "big"
    for age, key in enumerate(reversed(keys)):
        big.write_bytes(bytes([age]) * 2000)
        cache.keep(key, BUILT, {"d.so": big})
        big.unlink()
        used = time.time() - 7200 * (age + 1)
        os.utime(cache.folder(key) / MARK, (used, used))

    cache.trim()

    assert [None, None] == [cache.find(key) for key in keys[:2]]
    assert all(cache.find(key) for key in keys[2:])


def test_what_is_used_while_the_cache_is_measured_stays(tmp_path, library, monkeypatch):
    cache = BuildCache(tmp_path / "cache", most_bytes=1)
    cache.keep(KEY, BUILT, {"d.so": library})
    os.utime(cache.folder(KEY) / MARK, (1, 1))
    monkeypatch.setattr(caches, "_size", lambda _folder: 5000 * cache.touch(KEY))

    cache.trim()

    assert cache.find(KEY)


def test_touching_says_whether_a_build_is_there(cache):
    before = cache.touch(KEY)
    cache.keep(KEY, FAILED, {})

    assert (False, True) == (before, cache.touch(KEY))


def test_what_was_used_lately_stays_whatever_there_is(tmp_path, library):
    cache = BuildCache(tmp_path / "cache", most_bytes=1)
    cache.keep(KEY, BUILT, {"d.so": library})

    cache.trim()

    assert cache.find(KEY)


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
