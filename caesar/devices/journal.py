"""The journal of the lock folder: every grant and end of a lease, by whichever run and user.

The truth about devices, kept across runs. Each line is one JSON object, appended by a single write
below the size that keeps concurrent appends whole, and begins with the newline that ends what lies before
it: one that a full disk cut short spoils no other. Not flushed to disk: no lease outlives a loss of power.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path

import msgspec

from caesar.devices.folder import open_file

__all__ = ["Entry", "What", "append", "entries", "entries_of", "last_token"]

_NAME = "journal.jsonl"
_TEXT_CHARS = 300
_CHUNK_BYTES = 1 << 18
_SKEW_US = 60_000_000
"""How far two processes' readings of the clock, and a line's and its record's, may lie apart."""


class What(StrEnum):
    """What happened to a device."""

    GRANT = "grant"
    """It was given to a piece of work, under a new token."""
    RELEASE = "release"
    """Its holder gave it back."""
    RECLAIM = "reclaim"
    """Its holder had died; another process closed the grant for it."""
    FOREIGN = "foreign"
    """Processes that hold no lease computed on it."""
    QUARANTINE = "quarantine"
    """It is given to nobody until somebody lifts that."""
    LIFT = "lift"
    """It is given again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. Every grant is closed by exactly one release or reclaim of its device and token."""

    at_us: int
    """Microseconds since the epoch, UTC."""
    what: What
    device: str
    token: int
    pid: int
    """The process that wrote the line."""
    uid: int
    request: str | None = None
    """What the device was granted for; cut at 300 characters."""
    seconds: float | None = None
    """How long it was waited for (grant) or held (release)."""
    condition: str | None = None
    """In which condition it was given back."""
    reason: str | None = None
    """Why it was reclaimed, quarantined or lifted, or who was on it; cut at 300 characters."""
    alone: bool | None = None
    """Whether nobody else computed on it when it was granted; None where that can't be told."""


_FIELDS = tuple(field.name for field in fields(Entry))


def append(folder: Path, entry: Entry) -> None:
    """Add a line; OSError where it could not be added whole, and then it can't be read."""
    descriptor = open_file(folder / _NAME, os.O_WRONLY | os.O_APPEND)
    line = _encoded(entry)
    try:
        written = os.write(descriptor, line)
    finally:
        os.close(descriptor)
    if written < len(line):
        raise OSError(errno.ENOSPC, f"{written} of {len(line)} bytes of a line were written; is the disk full?")


def entries(folder: Path) -> Iterator[Entry]:
    """Every line in order; a line that can't be read (a full disk) is left out."""
    path = folder / _NAME
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            entry = _decoded(line)
            if entry is not None:
                yield entry


def entries_of(folder: Path, device: str, token: int, *, since_us: int) -> tuple[Entry, ...]:
    """The lines about one grant, which began at `since_us`: read from the end, back to the grant's own.

    Without that, back to a minute before.
    """
    found: list[Entry] = []
    for entry in _backwards(folder / _NAME):
        if entry.at_us < since_us - _SKEW_US:
            break
        if (entry.device, entry.token) == (device, token):
            found.append(entry)
            if entry.what is What.GRANT:
                break
    return tuple(reversed(found))


def last_token(folder: Path, device: str) -> int:
    """The newest token of a device that the journal knows; 0 for none."""
    return max((entry.token for entry in entries(folder) if entry.device == device), default=0)


def _backwards(path: Path) -> Iterator[Entry]:
    """The lines from the last to the first."""
    if not path.exists():
        return
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        rest = b""
        while position:
            step = min(_CHUNK_BYTES, position)
            position -= step
            file.seek(position)
            lines = (file.read(step) + rest).split(b"\n")
            rest = lines.pop(0) if position else b""
            yield from filter(None, map(_decoded, reversed(lines)))


def _cut(text: str | None) -> str | None:
    """Short enough for a line below 4 KiB, whatever characters it is made of."""
    return None if text is None else text[:_TEXT_CHARS]


def _encoded(entry: Entry) -> bytes:
    """A line without what is absent."""
    every = {name: getattr(entry, name) for name in _FIELDS}
    every |= {"request": _cut(entry.request), "reason": _cut(entry.reason)}
    return b"\n" + msgspec.json.encode({name: value for name, value in every.items() if value is not None})


def _decoded(line: bytes) -> Entry | None:
    try:
        return msgspec.json.decode(line, type=Entry)
    except (msgspec.MsgspecError, ValueError):
        return None
