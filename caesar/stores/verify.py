"""Checking a whole store: every event against its chain, every text against its digest, every name.

It reads one state of the store, also while others write to it, and changes nothing. What can't be
seen: the newest events of all, where they were cut off the store's end before anything else was
written, look exactly like events that never happened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from caesar.domain import Digest
from caesar.errors import StoreError
from caesar.events import Envelope, Event, HeadRecorded, TrajectoryForked, named_texts
from caesar.stores.blobs import whole
from caesar.stores.chains import Damage, wrong
from caesar.stores.failures import translated
from caesar.stores.schema import open_reader

__all__ = ["Audit", "audit"]

_EVENTS = """
SELECT seq, stream, version, kind, v, recorded_at_us, body, previous, digest
FROM events ORDER BY stream, version
"""
_BLOBS = "SELECT digest, size, data FROM blobs"
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

    def add(self, damage: Damage) -> None:
        """Take up a damage, if nothing earlier is known of its stream."""
        known = self.damages.get(damage.stream)
        if known is None or damage.version < known.version:
            self.damages[damage.stream] = damage


def audit(path: Path) -> Audit:
    """Everything that is wrong with the store; StoreError where it can't be read at all."""
    with translated(path), closing(open_reader(path)) as connection:
        connection.text_factory = bytes  # a flipped bit may leave text that is no UTF-8
        connection.execute("BEGIN")
        found = _Found()
        texts: dict[Digest, bool] = {}
        try:
            found.loose += _structure(connection)
            texts = dict(_texts(connection))
            _check_events(connection, texts, found)
            found.loose += _gaps(connection)
        except sqlite3.DatabaseError as error:
            found.loose.append(f"the file can't be read to its end ({error})")
        _check_claims(connection, found)
        found.loose += [
            f"the text {digest} is damaged; no event names it"
            for digest, sound in texts.items()
            if not sound and digest not in found.blamed
        ]
        damages = tuple(found.damages[stream] for stream in sorted(found.damages))
        return Audit(found.streams, len(texts), damages, tuple(found.loose))


def _structure(connection: sqlite3.Connection) -> list[str]:
    """What SQLite itself says of the file."""
    told = [_told(line) for (line,) in connection.execute("PRAGMA integrity_check(20)")]
    return [] if told == ["ok"] else [f"SQLite finds the file damaged: {line}" for line in told]


def _texts(connection: sqlite3.Connection) -> Iterator[tuple[Digest, bool]]:
    """Every text's digest, and whether the text is the one it names."""
    for digest, size, data in connection.execute(_BLOBS):
        yield _told(digest), whole(_told(digest), size=size, data=data)


def _gaps(connection: sqlite3.Connection) -> list[str]:
    """Appending numbers all events of a store without gaps, so a gap is something that was removed."""
    return [
        f"events numbered {first} to {last} are missing from the store"
        if first != last
        else f"the event numbered {first} is missing from the store"
        for first, last in connection.execute(_NUMBERS)
    ]


def _check_events(connection: sqlite3.Connection, texts: Mapping[Digest, bool], found: _Found) -> None:
    for name, rows in groupby(connection.execute(_EVENTS), key=itemgetter(1)):
        stream = _told(name)
        history = list(rows)
        found.streams[stream] = len(history)
        _check_stream(stream, history, texts, found=found)
        run, slash, _ = stream.partition("/")
        if slash and run not in found.streams:
            found.add(Damage(stream, 1, "its run's stream is missing"))


def _check_stream(stream: str, history: list[_Row], texts: Mapping[Digest, bool], *, found: _Found) -> None:
    """Go through a stream up to the first thing that is wrong with it."""
    previous: Digest | None = None
    for version, row in enumerate(history, start=1):
        envelope, event, why = _read(row, version=version, previous=previous)
        if envelope is None or event is None or why is not None:
            found.add(Damage(stream, version, why or "it can't be read"))
            return
        missing = next((digest for digest in named_texts(event) if not texts.get(digest)), None)
        if missing is not None:
            found.blamed.add(missing)
            what = "damaged" if missing in texts else "missing"
            found.add(Damage(stream, version, f"the text {missing} that it names is {what}"))
            return
        found.claims += _claims(stream, version, event)
        previous = envelope.digest


def _read(
    row: _Row, *, version: int, previous: Digest | None
) -> tuple[Envelope | None, Event | None, str | None]:
    """A row as an envelope and its event, or why it is none."""
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


def _told(text: bytes | str) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "replace")
