"""What SQLite and the operating system complain about, as one sentence each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caesar.errors import StoreError

__all__ = ["translated"]

_SENTENCES = {
    "SQLITE_FULL": "the disk is full at {path}: what was acknowledged is kept; free some space and run again",
    "SQLITE_NOTADB": "{path} is not an event store (not an SQLite file): choose another --store",
    "SQLITE_BUSY": "{path} is locked by another program: close what has it open and run the command again",
    "SQLITE_LOCKED": "{path} is locked by another program: close what has it open and run the command again",
    "SQLITE_CANTOPEN": "{path} can't be opened: check that its folder exists and that you may write there",
    "SQLITE_READONLY": "{path} can't be written: check its permissions or choose another --store",
    "SQLITE_PERM": "{path} can't be written: check its permissions or choose another --store",
    "SQLITE_IOERR": "the disk failed at {path} ({error}): check the disk; what was acknowledged is kept",
    "SQLITE_CORRUPT": "{path} is damaged ({error}): restore it from a copy",
}
"""By the beginning of SQLite's own name for the error."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise whatever SQLite or the operating system raises inside the block as StoreError about the path."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(_sentence(error).format(path=path, error=error)) from error
    except OSError as error:
        raise StoreError(
            f"{path} can't be used ({error.strerror or error}): check the folder and its permissions"
        ) from error


def _sentence(error: sqlite3.Error) -> str:
    if isinstance(error, sqlite3.ProgrammingError):
        return "{path} can't be read or written any more ({error}): open the event store again"
    name = getattr(error, "sqlite_errorname", "")  # absent where Python itself complains
    return next(
        (sentence for prefix, sentence in _SENTENCES.items() if name.startswith(prefix)),
        "the event store {path} failed ({error}): run the command again, or restore it from a copy",
    )
