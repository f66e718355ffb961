"""What was built, by the digest of all it depends on: read-only folders, written by the supervisor only.

A folder is filled beside its place and renamed into it, so that it is there whole or not at all. One
whose mark or files are damaged counts as none. The least recently used go when there are too many bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from caesar.domain import BuildOutcome, Digest
from caesar.errors import UsageError
from caesar.events import canonical
from caesar.sandbox.artifact import MARK, open_plain

__all__ = ["DEFAULT_BYTES", "BuildCache", "Entry", "Part"]

DEFAULT_BYTES = 8 << 30
"""How much a cache holds, unless CAESAR_CACHE_BYTES says otherwise."""

_POLL_S = 0.05
_MARK_BYTES = 64 << 20
"""More than any mark of ours has."""
_KEPT_S = 3600.0
"""What was used within so many seconds stays: an evaluation may be about to load it."""
_TRIM_S = 60.0
"""How often a cache is measured, at most."""
_SHARDS = "[0-9a-f][0-9a-f]/"


@dataclass(frozen=True, slots=True)
class Part:
    """What an extension of a build came to."""

    library: str | None
    """The file's name in the folder; None where it could not be compiled."""
    error: str | None = None
    """What load_inline raised then."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered of a build: of a candidate, of one extension, or of what extensions need."""

    outcome: BuildOutcome
    reason: str | None
    log: str
    seconds: float
    """What the build took when it was done."""
    full_log: str | None = None
    """The whole log, where `log` is a part of it."""
    headers: str | None = None
    """slim or real: which headers the extensions were compiled with; None without any."""
    dropped: tuple[str, ...] = ()
    """The flags that were not passed on."""
    cpu_s: float = 0.0
    """What the compilers took."""
    peak_bytes: int = 0
    """The most that one compiler held in memory."""
    extensions: Mapping[Digest, Part] = field(default_factory=dict)
    files: Mapping[str, Digest] = field(default_factory=dict)
    """The sha256 of every file, by its name in the folder."""


_DECODER = msgspec.json.Decoder(Entry)


class BuildCache:
    """A folder of builds, shared with every other process on the machine that uses it."""

    def __init__(self, root: Path, *, most_bytes: int = DEFAULT_BYTES) -> None:
        self._root = root.absolute()
        self._most_bytes = most_bytes
        self._trimmed = float("-inf")

    @property
    def root(self) -> Path:
        """The cache's folder."""
        return self._root

    def prepare(self) -> None:
        """Make the cache's folder; UsageError where builds can't be kept there."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self._root).close()
        except OSError as error:
            raise UsageError(
                f"builds can't be kept in {self._root} ({error.strerror}); set CAESAR_CACHE to another folder"
            ) from error

    def folder(self, key: Digest) -> Path:
        """Where the build of this key lies, or would lie."""
        return self._root / key[:2] / key

    def find(self, key: Digest) -> Entry | None:
        """The finished build, whole, and now the most recently used; None where there is none."""
        folder = self.folder(key)
        try:
            with open_plain(folder / MARK) as mark:
                entry = _DECODER.decode(mark.read(_MARK_BYTES))
        except (OSError, msgspec.MsgspecError):
            return None
        if any(_digest(folder / name) != digest for name, digest in entry.files.items()):
            return None
        return entry if self.touch(key) else None

    def touch(self, key: Digest) -> bool:
        """Whether the build of this key is there still, and now the most recently used, without reading it."""
        mark = self.folder(key) / MARK
        with suppress(OSError):  # somebody else's cache, which can be read only
            os.utime(mark)
        return mark.exists()

    @asynccontextmanager
    async def locked(self, key: Digest) -> AsyncIterator[Path]:
        """The build's folder, for one builder at a time on this machine, whichever process it is in."""
        folder = self.folder(key)
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{folder}.lock")
        while not _acquired(lock):  # noqa: ASYNC110 - the holder may be another process
            await asyncio.sleep(_POLL_S)
        try:
            yield folder
        finally:
            lock.release()

    def keep(self, key: Digest, entry: Entry, files: Mapping[str, Path]) -> Entry:
        """Put the entry and its files, by their names there, in their place at once; the entry as it is kept.

        Call it with the key locked. OSError where that can't be done.
        """
        folder = self.folder(key)
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent, prefix="unfinished-"))
        try:
            digests = {name: _placed(path, made / name) for name, path in files.items()}
            entry = replace(entry, files=digests)
            (made / MARK).write_bytes(canonical(entry))
            _seal(made)
            _remove(folder)
            made.rename(folder)
        except OSError:
            _remove(made)
            raise
        return entry

    def trim(self) -> None:
        """Remove the least recently used until what is left is small enough; at most once a minute."""
        if time.monotonic() - self._trimmed < _TRIM_S:
            return
        self._trimmed = time.monotonic()
        with suppress(Timeout), FileLock(self._root / "trim.lock", blocking=False):
            self._trim(time.time() - _KEPT_S)

    def _trim(self, newest: float) -> None:
        builds = sorted(self._builds())
        excess = sum(size for _used, size, _folder in builds) - self._most_bytes
        for used, size, folder in builds:
            if excess <= 0 or used > newest:
                return
            if _used(folder) > newest:  # since they were listed
                continue
            _remove(folder)
            excess -= size

    def _builds(self) -> Iterator[tuple[float, int, Path]]:
        """When each build was last used, how large it is, and where; what was left unfinished is oldest."""
        for folder in self._root.glob(f"{_SHARDS}*/"):
            with suppress(OSError):  # another process removed it
                yield _used(folder), _size(folder), folder


def _used(folder: Path) -> float:
    """When a build was last used, or begun where it is not finished; the epoch for what is gone."""
    for path in (folder / MARK, folder):
        with suppress(OSError):
            return path.stat().st_mtime
    return 0.0


def _placed(path: Path, place: Path) -> Digest:
    """Have the file at its place, as a link where that is possible, and say its digest."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, place, follow_symlinks=False)
    except OSError:
        with open_plain(path) as source, place.open("xb") as target:
            shutil.copyfileobj(source, target)
    return _digest(place) or ""


def _seal(folder: Path) -> None:
    """Make everything in the folder read-only, and the folder too."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    folder.chmod(0o555)


def _remove(folder: Path) -> None:
    """Remove a folder that may be sealed."""
    for path in (folder, *folder.rglob("*/")):
        with suppress(OSError):
            if stat.S_ISDIR(path.lstat().st_mode):
                path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))


def _acquired(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


def _digest(path: Path) -> Digest | None:
    try:
        with open_plain(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
