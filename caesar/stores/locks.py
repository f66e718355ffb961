"""Who may write: processes take the store one batch at a time, and own a run as long as they work on it.

Both locks are the kernel's (flock), so a process that dies gives them up at once. The files lie in
the folder `<store>-locks` and are never removed: unlinking a locked file splits those who wait.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from caesar.errors import StoreError

__all__ = ["WriteLock", "locks_folder", "owning"]

_POLL_S = 0.001
"""How often a waiting process tries again; a batch takes a few milliseconds."""


def locks_folder(store: Path) -> Path:
    """Where the store's lock files lie, made if need be."""
    folder = store.with_name(f"{store.name}-locks")
    folder.mkdir(exist_ok=True)
    return folder


class WriteLock:
    """Lets one writer of a store at a time through, every process in its turn.

    A writer holds `next` while it waits for `writer`. So one that comes straight back queues behind
    those who waited, and nobody starves. Two instances exclude each other within a process too.
    """

    def __init__(self, folder: Path, *, patience_s: float) -> None:
        self._patience_s = patience_s
        with ExitStack() as opened:
            self._next = _open(folder / "next", opened)
            self._writer = _open(folder / "writer", opened)
            self._opened = opened.pop_all()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock inside the block; StoreError naming the holder if it can't be had in time."""
        deadline = time.monotonic() + self._patience_s
        self._take(self._next, deadline)
        try:
            self._take(self._writer, deadline)
        finally:
            fcntl.flock(self._next, fcntl.LOCK_UN)
        try:
            self._sign()
            yield
        finally:
            fcntl.flock(self._writer, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock's files."""
        self._opened.close()

    def _take(self, descriptor: int, deadline: float) -> None:
        while not _try(descriptor):
            if time.monotonic() > deadline:
                raise StoreError(
                    f"the event store was not free for {self._patience_s:g} s: {_read_pid(self._writer)} is"
                    " writing it and does not go on; end that process or wait for it, then run again"
                )
            time.sleep(_POLL_S)

    def _sign(self) -> None:
        mine = b"%-20d\n" % os.getpid()
        if os.pread(self._writer, len(mine), 0) != mine:  # a write would make the commit slower
            os.pwrite(self._writer, mine, 0)


@contextmanager
def owning(run: str, folder: Path) -> Iterator[None]:
    """Own the run inside the block; StoreError naming the process that does, if another one does.

    The lock is freed when the process ends, however it ends. It says nothing about the devices and
    processes that a dead owner left behind.
    """
    path = folder / f"run-{quote(run, safe='')}"
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise StoreError(
            f"run {run} is being worked on by {_owner(path)}: wait until that ends, or end it, and run the"
            " command again"
        ) from error
    try:
        path.write_text(f"{os.getpid()}\n")
        yield
    finally:
        lock.release()


def _open(path: Path, opened: ExitStack) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    opened.callback(os.close, descriptor)
    return descriptor


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(path: Path) -> str:
    with suppress(OSError):
        return _process(path.read_bytes())
    return _process(b"")


def _read_pid(descriptor: int) -> str:
    return _process(os.pread(descriptor, 32, 0))


def _process(pid: bytes) -> str:
    """The process as a sentence names it; its id is missing for a moment after it took the lock."""
    digits = pid.strip().decode("ascii", "replace")
    return f"process {digits}" if digits.isdigit() else "another process"
