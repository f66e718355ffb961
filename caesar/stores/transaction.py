"""One batch of appends as one SQLite transaction: what belongs together is durable together, or not at all."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from caesar.domain import Digest
from caesar.errors import StoreError
from caesar.events import Envelope
from caesar.ports import Append
from caesar.stores.blobs import Compressor
from caesar.stores.chains import EMPTY, Head, seal_append, utf8

__all__ = ["Outcome", "Transactions"]

Outcome = tuple[Envelope, ...] | StoreError
"""What became of one append: its envelopes, or why nothing of it was stored."""

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

_HEAD = "SELECT version, digest FROM events WHERE stream = ? ORDER BY version DESC LIMIT 1"
_INSERT_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_BLOB = "INSERT OR IGNORE INTO blobs VALUES (?, ?, ?)"

_REMEMBERED = 65_536
"""How many heads and how many digests; one forgotten costs a look-up, or compressing a text in vain."""


@dataclass(slots=True)
class _Batch:
    """The rows of a batch in the making, and where they leave the streams they belong to."""

    seq: int
    """The last number taken."""
    recorded_at_us: int
    heads: dict[str, Head] = field(default_factory=dict)
    events: list[tuple[int, str, int, str, int, int, str, Digest, Digest]] = field(default_factory=list)
    blobs: dict[Digest, tuple[int, bytes]] = field(default_factory=dict)
    """Sizes and frames, by digest."""

    def add(self, envelopes: tuple[Envelope, ...]) -> None:
        """Take up one append's envelopes."""
        for envelope in envelopes:
            self.seq = envelope.seq
            self.heads[envelope.stream] = Head(envelope.version, envelope.digest)
            self.events.append(_row(envelope))


class Transactions:
    """Writes batches through one connection, for one thread, which holds the write lock meanwhile.

    The heads of streams and the digests of stored texts are remembered between batches; the heads
    are forgotten as soon as another connection has written.
    """

    def __init__(self, connection: sqlite3.Connection, clock_us: Callable[[], int]) -> None:
        self._connection = connection
        self._clock_us = clock_us
        self._compressor = Compressor()
        self._heads: dict[str, Head] = {}
        self._stored: dict[Digest, None] = {}
        self._others: int | None = None
        """SQLite's count of what other connections wrote, as of the remembered heads."""

    def write(self, appends: Sequence[Append]) -> list[Outcome]:
        """Commit what can be committed of the appends, in order; return what became of each.

        An append that conflicts or can't be encoded leaves the others unharmed. Where SQLite fails,
        its error is raised and nothing of the batch is stored.
        """
        with self._transaction():
            self._forget_if_others_wrote()
            batch = _Batch(self._last_seq(), self._clock_us())
            outcomes = [self._add(batch, append) for append in appends]
            blobs = [(digest, size, frame) for digest, (size, frame) in batch.blobs.items()]
            self._connection.executemany(_INSERT_BLOB, blobs)
            self._connection.executemany(_INSERT_EVENT, batch.events)
        _remember(self._heads, batch.heads)
        _remember(self._stored, dict.fromkeys(batch.blobs))
        return outcomes

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:  # after some errors SQLite has ended it by itself
                self._connection.execute("ROLLBACK")

    def _forget_if_others_wrote(self) -> None:
        (others,) = self._connection.execute("PRAGMA data_version").fetchone()
        if others != self._others:
            self._heads.clear()
            self._others = others

    def _last_seq(self) -> int:
        (seq,) = self._connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
        return int(seq)

    def _add(self, batch: _Batch, append: Append) -> Outcome:
        """Everything that can go wrong with an append does so before any row of it is taken up."""
        try:
            utf8(append.stream)
            head = batch.heads.get(append.stream) or self._head(append.stream)
            sealed = seal_append(append, head=head, seq=batch.seq + 1, recorded_at_us=batch.recorded_at_us)
            texts = [utf8(text) for text in append.texts]
        except StoreError as error:
            return error
        batch.add(sealed)
        for text in texts:
            self._add_text(batch, text)
        return sealed

    def _head(self, stream: str) -> Head:
        remembered = self._heads.get(stream)
        if remembered is not None:
            return remembered
        row = self._connection.execute(_HEAD, (stream,)).fetchone()
        return EMPTY if row is None else Head(*row)

    def _add_text(self, batch: _Batch, text: bytes) -> None:
        digest = hashlib.sha256(text).hexdigest()
        if digest not in self._stored and digest not in batch.blobs:
            batch.blobs[digest] = (len(text), self._compressor.frame(text))


def _row(envelope: Envelope) -> tuple[int, str, int, str, int, int, str, Digest, Digest]:
    return (
        envelope.seq, envelope.stream, envelope.version, envelope.kind, envelope.v,
        envelope.recorded_at_us, envelope.body.decode(), envelope.previous, envelope.digest,
    )  # fmt: skip


def _remember(known: dict[_Key, _Value], new: dict[_Key, _Value]) -> None:
    """Take up what is new, as the latest; forget the oldest beyond the limit."""
    for key, value in new.items():
        known.pop(key, None)
        known[key] = value
    for key in tuple(islice(known, max(0, len(known) - _REMEMBERED))):
        del known[key]
