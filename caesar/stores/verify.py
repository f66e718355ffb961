"""Checking a whole store: every event against its chain, every text against its digest, every name.

It reads one state of the store, also while others write to it, and changes nothing. A page of the file
that can't be read costs only what lies on it: every stream, and every text that an event names, is read
by itself. What can't be seen: the newest events of all, where they were cut off the store's end before
anything else was written, look exactly like events that never happened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caesar.domain import Digest
from caesar.errors import StoreError
from caesar.events import Envelope, Event, HeadRecorded, TrajectoryForked, named_texts
from caesar.stores.blobs import Decompressor
from caesar.stores.chains import Damage, wrong
from caesar.stores.failures import translated
from caesar.stores.schema import open_reader

__all__ = ["Audit", "audit", "gaps"]

_STREAMS = "SELECT DISTINCT stream FROM events ORDER BY stream"
_STREAMS_BY_ROW = "SELECT DISTINCT stream FROM events NOT INDEXED ORDER BY stream"
_HISTORY = """
SELECT seq, stream, version, kind, v, recorded_at_us, body, previous, digest
FROM events WHERE stream = CAST(? AS TEXT) ORDER BY version
"""
_COLUMNS = (int, bytes, int, bytes, int, int, bytes, bytes, bytes)
"""What they hold, text as bytes; a damaged page may give anything."""
_BLOBS = "SELECT digest, size, data FROM blobs"
_BLOB = "SELECT digest, size, data FROM blobs WHERE digest = ?"
_DIGEST_AT = "SELECT digest FROM events WHERE stream = ? AND version = ?"
_NUMBERS = """
WITH numbered AS (SELECT seq, lag(seq, 1, 0) OVER (ORDER BY seq) AS before FROM events)
SELECT before + 1, seq - 1 FROM numbered WHERE seq <> before + 1 ORDER BY seq
"""

_Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """What a store holds, and what of it can't be relied on."""

    streams: Mapping[str, int]
    """How many events each stream has, the damaged ones too."""
    texts: int
    damages: tuple[Damage, ...]
    """The first thing wrong with each damaged stream."""
    loose: tuple[str, ...]
    """What is wrong with the store and can't be told of one stream, a sentence each."""

    @property
    def sound(self) -> bool:
        """True where nothing was found."""
        return not self.damages and not self.loose

    @property
    def reliable(self) -> Mapping[str, int]:
        """How many events of each stream, from its first on, can be relied on."""
        return {**self.streams, **{damage.stream: damage.version - 1 for damage in self.damages}}


@dataclass(frozen=True, slots=True)
class _Claim:
    """That a stream has a certain event, as another event says."""

    by: str
    """The stream that says so."""
    version: int
    """Of the event that says so."""
    stream: str
    at: int
    digest: Digest


@dataclass(slots=True)
class _Found:
    """What has been found so far."""

    streams: dict[str, int] = field(default_factory=dict)
    damages: dict[str, Damage] = field(default_factory=dict)
    loose: list[str] = field(default_factory=list)
    claims: list[_Claim] = field(default_factory=list)
    blamed: set[Digest] = field(default_factory=set)
    """Damaged texts that some event names."""

    texts: dict[Digest, bool] = field(default_factory=dict)
    """Whether each text is the one that its digest names."""
    context: Decompressor = field(default_factory=Decompressor)

    def add(self, damage: Damage) -> None:
        """Take up a damage, if nothing earlier is known of its stream."""
        known = self.damages.get(damage.stream)
        if known is None or damage.version < known.version:
            self.damages[damage.stream] = damage

    @contextmanager
    def noting(self, what: str) -> Iterator[None]:
        """Note in a sentence about the store where the file can't be read on inside the block."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            self.loose.append(f"{what} can't be read to the end ({error})")


def audit(path: Path) -> Audit:
    """Everything that is wrong with the store; StoreError where it can't be read at all."""
    with translated(path), closing(open_reader(path)) as connection:
        connection.text_factory = bytes  # a flipped bit may leave text that is no UTF-8
        connection.execute("BEGIN")
        found = _Found()
        with found.noting("the file's structure"):
            found.loose += _structure(connection)
        with found.noting("the texts"):
            for digest, size, data in connection.execute(_BLOBS):
                found.texts[_told(digest)] = _whole(found.context, digest, size, data)
        for name in _streams(connection, found):
            _check_stream(connection, name, found)
        with found.noting("the events' numbers"):
            found.loose += gaps(connection)
        _check_claims(connection, found)
        found.loose += [
            f"the text {digest} is damaged; no event names it"
            for digest, sound in found.texts.items()
            if not sound and digest not in found.blamed
        ]
        damages = tuple(found.damages[stream] for stream in sorted(found.damages))
        return Audit(found.streams, len(found.texts), damages, tuple(found.loose))


def _structure(connection: sqlite3.Connection) -> list[str]:
    """What SQLite itself says of the file."""
    told = [_told(line) for (line,) in connection.execute("PRAGMA integrity_check(20)")]
    return [] if told == ["ok"] else [f"SQLite finds the file damaged: {line}" for line in told]


def _streams(connection: sqlite3.Connection, found: _Found) -> list[bytes]:
    """The streams' names in order; by the rows themselves where the index over them is damaged."""
    names: list[bytes] = []
    with found.noting("the streams' names"):
        try:
            names = [name for (name,) in connection.execute(_STREAMS)]
        except sqlite3.DatabaseError:
            names = [name for (name,) in connection.execute(_STREAMS_BY_ROW)]
    return [name for name in names if isinstance(name, bytes)]


def _whole(context: Decompressor, digest: object, size: object, data: object) -> bool:
    """Whether a text is the one that its digest names."""
    if not (isinstance(digest, bytes) and isinstance(size, int) and isinstance(data, bytes)):
        return False
    return context.whole(_told(digest), size=size, data=data)


def _text(connection: sqlite3.Connection, digest: Digest, found: _Found) -> bool | None:
    """Whether a text is sound, None where there is none: looked for by itself if it was not come across."""
    if digest not in found.texts:
        try:
            row = connection.execute(_BLOB, (digest,)).fetchone()
        except sqlite3.DatabaseError:
            found.texts[digest] = False
        else:
            found.texts |= {} if row is None else {digest: _whole(found.context, *row)}
    return found.texts.get(digest)


def gaps(connection: sqlite3.Connection) -> list[str]:
    """Appending numbers all events of a store without gaps, so a gap is something that was removed."""
    return [
        f"events numbered {first} to {last} are missing from the store"
        if first != last
        else f"the event numbered {first} is missing from the store"
        for first, last in connection.execute(_NUMBERS)
    ]


def _check_stream(connection: sqlite3.Connection, name: bytes, found: _Found) -> None:
    """Go through a stream up to the first thing that is wrong with it."""
    stream = _told(name)
    history: list[_Row] = []
    try:
        history.extend(connection.execute(_HISTORY, (name,)))
    except sqlite3.DatabaseError as error:
        found.add(Damage(stream, len(history) + 1, f"it can't be read ({error})"))
    found.streams[stream] = len(history)
    previous: Digest | None = None
    for version, row in enumerate(history, start=1):
        envelope, event, why = _read(row, version=version, previous=previous)
        if envelope is None or event is None or why is not None:
            found.add(Damage(stream, version, why or "it can't be read"))
            break
        missing = next((digest for digest in named_texts(event) if not _text(connection, digest, found)), None)
        if missing is not None:
            found.blamed.add(missing)
            what = "damaged" if missing in found.texts else "missing"
            found.add(Damage(stream, version, f"the text {missing} that it names is {what}"))
            break
        found.claims += _claims(stream, version, event)
        previous = envelope.digest
    run, slash, _ = stream.partition("/")
    if slash and run not in found.streams:
        found.add(Damage(stream, 1, "its run's stream is missing"))


def _read(
    row: _Row, *, version: int, previous: Digest | None
) -> tuple[Envelope | None, Event | None, str | None]:
    """A row as an envelope and its event, or why it is none."""
    if tuple(map(type, row)) != _COLUMNS:
        return None, None, "its columns no longer hold what they did"
    try:
        seq, stream, at, kind, v, recorded_at_us, body, before, digest = row
        envelope = Envelope(
            seq, stream.decode(), at, kind.decode(), v, recorded_at_us, body, before.decode(), digest.decode()
        )
        why = wrong(envelope, version=version, previous=previous)
        event = envelope.event if why is None else None
    except UnicodeDecodeError:
        return None, None, "it is no longer text"
    except StoreError as error:
        return None, None, str(error)
    return envelope, event, why


def _claims(stream: str, version: int, event: Event) -> Iterator[_Claim]:
    match event:
        case HeadRecorded():
            yield _Claim(stream, version, event.stream, event.version, event.digest)
        case TrajectoryForked():
            yield _Claim(stream, version, event.parent, event.version, event.digest)
        case _:
            return


def _check_claims(connection: sqlite3.Connection, found: _Found) -> None:
    for claim in found.claims:
        row = None
        with found.noting(f"event {claim.at} of {claim.stream}"):
            row = connection.execute(_DIGEST_AT, (claim.stream, claim.at)).fetchone()
        if row is not None and _told(row[0]) == claim.digest:
            continue
        if claim.stream.partition("/")[0] != claim.by.partition("/")[0]:
            why = f"event {claim.at} of {claim.stream}, from which it goes on, is missing or another"
            found.add(Damage(claim.by, claim.version, why))
            continue
        there = found.streams.get(claim.stream, 0)
        why = (
            f"its tail is missing: it had {claim.at} events when it ended"
            if there < claim.at
            else "it is not the event that the run recorded as the trajectory's last"
        )
        found.add(Damage(claim.stream, min(there + 1, claim.at), why))


def _told(text: object) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
