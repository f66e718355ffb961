"""Finished builds by the digest of all they depend on: folders, each with a mark that is written last.

Builds happen in place, because ninja remembers absolute paths and would compile again after a rename.
A folder without a mark is a build that was killed; one whose mark or libraries are damaged counts as none.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from caesar.builders.loaderlocks import drop_dead_locks
from caesar.domain import BuildOutcome, Digest
from caesar.events import canonical
from caesar.sandbox.artifact import MARK

__all__ = ["BuildCache", "Entry"]

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered of a build."""

    outcome: BuildOutcome
    reason: str | None
    log: str
    seconds: float
    """What the build took when it was done."""
    env: Mapping[str, str]
    """What its compilations depended on, for those who load it."""
    libraries: Mapping[str, Digest] = field(default_factory=dict)
    """The sha256 of every shared object, by its path in the folder."""


_DECODER = msgspec.json.Decoder(Entry)


class BuildCache:
    """A folder of builds, shared with every other process on the machine that uses it."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def folder(self, key: Digest) -> Path:
        """Where the build of this key lies, or would lie."""
        return self._root / key[:2] / key

    def find(self, key: Digest) -> Entry | None:
        """The finished build, whole, and ready to be loaded; None where there is none.

        Libraries that loaders have added since are left alone: some sources compile late.
        """
        folder = self.folder(key)
        try:
            entry = _DECODER.decode((folder / MARK).read_bytes())
        except (OSError, msgspec.MsgspecError):
            return None
        if not entry.libraries.items() <= _libraries(folder).items():
            return None
        drop_dead_locks(folder)
        return entry

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

    def clear(self, key: Digest) -> None:
        """Leave an empty folder, whatever an earlier build left in it."""
        folder = self.folder(key)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def discard(self, key: Digest) -> None:
        """Leave nothing of a build that is not to be remembered."""
        shutil.rmtree(self.folder(key), ignore_errors=True)

    def remember(self, key: Digest, entry: Entry) -> None:
        """Mark the folder as finished, at once; a failed build keeps nothing but its mark."""
        if entry.outcome is not BuildOutcome.BUILT:
            self.clear(key)
        folder = self.folder(key)
        unfinished = folder / f"{MARK}.tmp"
        unfinished.write_bytes(canonical(replace(entry, libraries=_libraries(folder))))
        unfinished.replace(folder / MARK)


def _acquired(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


def _libraries(folder: Path) -> dict[str, Digest]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.so"))
    }
