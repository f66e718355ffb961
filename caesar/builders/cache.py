"""Finished builds by the digest of all they depend on: folders, each with a mark that is written last.

Builds happen in place, because ninja remembers absolute paths and would compile again after a rename.
A folder without a mark is a build that was killed; one whose mark or libraries are damaged counts as none.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from caesar.builders.loaderlocks import drop_dead_locks
from caesar.domain import BuildOutcome, Digest
from caesar.errors import UsageError
from caesar.events import canonical
from caesar.sandbox.artifact import MARK, open_plain

__all__ = ["BuildCache", "Entry"]

_POLL_S = 0.05
_MARK_BYTES = 16 << 20
"""More than any mark of ours has; candidates can write there too."""


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
        """The finished build, whole, and ready to be loaded; None where there is none.

        Libraries that loaders have added since are left alone: some sources compile late.
        """
        folder = self.folder(key)
        try:
            with open_plain(folder / MARK) as mark:
                entry = _DECODER.decode(mark.read(_MARK_BYTES))
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

    def mend(self, key: Digest) -> None:
        """See that the folder is there: the candidate that was built in it may have removed it."""
        folder = self.folder(key)
        if folder.is_symlink() or not folder.is_dir():
            folder.unlink(missing_ok=True)
            folder.mkdir(parents=True)

    def remember(self, key: Digest, entry: Entry) -> None:
        """Mark the folder as finished, at once; a failed build keeps nothing but its mark.

        OSError where that can't be done, because of the disk or of what the candidate left there.
        """
        if entry.outcome is not BuildOutcome.BUILT:
            self.clear(key)
        folder = self.folder(key)
        content = canonical(replace(entry, libraries=_libraries(folder)))
        descriptor, unfinished = tempfile.mkstemp(dir=folder)  # under a name that no candidate foresaw
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(unfinished).replace(folder / MARK)


def _acquired(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


def _libraries(folder: Path) -> dict[str, Digest]:
    found = {}
    for path in sorted(folder.rglob("*.so")):
        with suppress(OSError), open_plain(path) as file:
            found[str(path.relative_to(folder))] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
