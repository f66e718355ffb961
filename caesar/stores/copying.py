"""Copies of a store, whole or in part. Nothing is ever edited in place.

A copy is made beside its destination and moved there once it is whole and on the disk. Events keep
their streams, versions, instants and digests; only the store's own numbering is new.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from caesar.domain import Digest
from caesar.errors import StoreError, UsageError
from caesar.events import Envelope, named_texts
from caesar.stores import schema
from caesar.stores.blobs import Decompressor
from caesar.stores.eventlog import SqliteEventLog
from caesar.stores.failures import translated
from caesar.stores.locks import WriteLock, locks_folder
from caesar.stores.verify import gaps

__all__ = ["Copied", "backup", "copy_into", "copy_new", "keep_only"]

_PATIENCE_S = 60.0
"""How long a copy waits for its turn among the processes that write."""

_AT_ONCE = 2048
"""Rows held in memory."""

_EVENTS = """
SELECT events.seq, stream, version, kind, v, recorded_at_us, CAST(body AS BLOB), previous, digest
FROM json_each(:upto) AS wanted JOIN events ON stream = wanted.key AND version <= wanted.value
ORDER BY events.seq
"""
_BLOBS = "SELECT digest, size, data FROM blobs WHERE digest IN (SELECT value FROM json_each(?))"
_LAST_VERSION = "SELECT coalesce(max(version), 0) FROM events WHERE stream = ?"
_DIGEST_AT = "SELECT digest FROM events WHERE stream = ? AND version = ?"
_INSERT_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, CAST(? AS TEXT), ?, ?)"
_INSERT_BLOB = "INSERT OR IGNORE INTO blobs VALUES (?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy brought."""

    events: int
    texts: int


def backup(store: Path, to: Path) -> None:
    """The store as it is now, page by page, in a new file; others may go on writing to the store."""
    with (
        translated(store),
        closing(schema.open_reader(store)) as source,
        _new(to) as place,
        closing(sqlite3.connect(place)) as target,
        _full(to),
    ):
        source.backup(target)


def copy_new(store: Path, to: Path, *, upto: Mapping[str, int]) -> Copied:
    """Copy so many events of each of these streams, with the texts they name, to a new store.

    UsageError where there is a file already; StoreError where a text is missing or damaged.
    """
    with translated(store), closing(schema.open_reader(store)) as source, _new(to) as place, _full(to):
        source.execute("BEGIN")
        return _fill(place, source, upto)


def copy_into(store: Path, to: Path, *, upto: Mapping[str, int]) -> Copied:
    """Likewise into a store that may be there already, in one transaction.

    What it has of the streams stays; StoreError where it has another history under the same name, or where
    the source has lost events, which the copy's own numbers would no longer show.
    """
    to = to.resolve()  # by whatever name it is opened, a store has one folder of locks
    with translated(store), closing(schema.open_reader(store)) as source, translated(to), ExitStack() as opened:
        _refuse_gaps(store, source)
        schema.check_place(to)
        schema.check_identity(to)
        to.parent.mkdir(parents=True, exist_ok=True)
        lock = opened.enter_context(closing(WriteLock(locks_folder(to), patience_s=_PATIENCE_S)))
        schema.create(to, lock)
        target = opened.enter_context(closing(schema.connect(to)))
        opened.enter_context(lock.held())
        source.execute("BEGIN")
        return _copy(source, target, upto)


def keep_only(store: Path, kept: Callable[[SqliteEventLog], Mapping[str, int]]) -> Copied:
    """Put a store in this one's place that has so many events of each stream as `kept` says, and no others.

    `kept` is asked once nobody else can write, so it sees every event that was acknowledged; what it
    raises leaves the store as it is. Nobody else may have the store open: StoreError where someone has, or
    where it has lost events, as for `copy_into`. A process that opened it while it was exchanged is refused
    when it writes.
    """
    store = store.resolve()  # else a link to the store would be exchanged, and the store stay as it was
    with translated(store), ExitStack() as opened:
        lock = opened.enter_context(closing(WriteLock(locks_folder(store), patience_s=_PATIENCE_S)))
        opened.enter_context(lock.held())
        source = opened.enter_context(closing(schema.connect(store)))
        source.execute("PRAGMA locking_mode = EXCLUSIVE")
        source.execute("PRAGMA journal_mode = DELETE")  # or the old file's log would be taken for the new one's
        source.execute("BEGIN EXCLUSIVE")
        _refuse_gaps(store, source)
        upto = kept(SqliteEventLog(store, reader=source, writer=None, opened=ExitStack()))
        with _beside(store) as place:
            copied = _fill(place, source, upto)
            _settle(place)
            place.replace(store)
        _sync_folder(store.parent)
        return copied


@contextmanager
def _new(to: Path) -> Iterator[Path]:
    """A place to make a file in, which is moved to its destination if the block ends well."""
    if to.exists():
        raise UsageError(f"{to} is there already, and nothing is overwritten: name another file")
    schema.check_place(to)
    to.parent.mkdir(parents=True, exist_ok=True)
    with _beside(to) as place:
        yield place
        _settle(place)
        try:
            os.link(place, to)  # unlike a rename, it overwrites nothing
        except FileExistsError as error:
            raise UsageError(
                f"{to} appeared meanwhile, and nothing is overwritten: name another file"
            ) from error
    _sync_folder(to.parent)


@contextmanager
def _full(to: Path) -> Iterator[None]:
    """Name the copy where a disk is full inside the block: its source is only read."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        with translated(to):
            raise


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
        yield Path(folder) / "new.db"


def _settle(place: Path) -> None:
    with place.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fill(place: Path, source: sqlite3.Connection, upto: Mapping[str, int]) -> Copied:
    """Copy into a store of one's own; closing it leaves one file."""
    with closing(WriteLock(locks_folder(place), patience_s=_PATIENCE_S)) as lock:
        schema.create(place, lock)
    with closing(schema.connect(place)) as target:
        return _copy(source, target, upto)


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, upto: Mapping[str, int]) -> Copied:
    there = {stream: _common(source, target, stream) for stream in upto}
    (seq,) = target.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
    events, named = 0, dict[Digest, None]()
    target.execute("BEGIN IMMEDIATE")
    try:
        rows = source.execute(_EVENTS, {"upto": json.dumps(upto)})
        for part in _parts(Envelope(*row) for row in rows):
            fresh = [envelope for envelope in part if envelope.version > _known(there, envelope)]
            named.update((digest, None) for envelope in fresh for digest in named_texts(envelope.event))
            target.executemany(_INSERT_EVENT, [(seq + at, *_row(e)) for at, e in enumerate(fresh, start=1)])
            seq, events = seq + len(fresh), events + len(fresh)
        for digests in _parts(iter(named)):
            target.executemany(_INSERT_BLOB, _blobs(source, digests))
        target.execute("COMMIT")
    finally:
        if target.in_transaction:
            target.execute("ROLLBACK")
    return Copied(events, len(named))


def _refuse_gaps(store: Path, source: sqlite3.Connection) -> None:
    if told := gaps(source):
        raise StoreError(
            f"{store} is damaged ({told[0]}), and nobody could tell any more once its events are numbered anew:"
            " `caesar verify` tells more, `caesar repair` copies what is sound"
        )


def _common(source: sqlite3.Connection, target: sqlite3.Connection, stream: str) -> int:
    """How many of the stream's events the target has; StoreError where they are not the source's."""
    there, here = (_last_version(connection, stream) for connection in (target, source))
    shared = (stream, min(there, here))
    if target.execute(_DIGEST_AT, shared).fetchone() != source.execute(_DIGEST_AT, shared).fetchone():
        raise StoreError(
            f"both stores have a stream {stream}, with different events: copy to a store that does not have it"
        )
    return there


def _known(there: Mapping[str, int], envelope: Envelope) -> int:
    if envelope.stream not in there:
        raise StoreError(
            f"event {envelope.seq} is not of the stream that it is listed under: restore the store from a copy"
        )
    return there[envelope.stream]


def _last_version(connection: sqlite3.Connection, stream: str) -> int:
    (version,) = connection.execute(_LAST_VERSION, (stream,)).fetchone()
    return int(version)


def _blobs(source: sqlite3.Connection, digests: list[Digest]) -> list[tuple[Digest, int, bytes]]:
    found = {row[0]: row for row in source.execute(_BLOBS, (json.dumps(digests),))}
    context = Decompressor()
    for digest in digests:
        row = found.get(digest)
        if row is None or not context.whole(digest, size=row[1], data=row[2]):
            what = "missing" if row is None else "damaged"
            raise StoreError(
                f"the text {digest} is {what}: `caesar repair` copies what is sound, or restore the store"
                " from a copy"
            )
    return list(found.values())


def _row(envelope: Envelope) -> tuple[Any, ...]:
    return (
        envelope.stream, envelope.version, envelope.kind, envelope.v,
        envelope.recorded_at_us, envelope.body, envelope.previous, envelope.digest,
    )  # fmt: skip


def _parts(items: Iterator[Any]) -> Iterator[list[Any]]:
    while part := list(islice(items, _AT_ONCE)):
        yield part
