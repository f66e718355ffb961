"""The event log in one SQLite file, shared by the processes of one machine.

An append is durable (write-ahead log, synchronous=FULL) when it returns. One thread of the process
writes; reading goes by a connection of its own and never waits for writers. Between machines it
does not work: a network file system is refused.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from caesar.domain import Digest
from caesar.errors import StoreError
from caesar.events import Envelope
from caesar.ports import Append
from caesar.stores import schema
from caesar.stores.blobs import Decompressor
from caesar.stores.chains import verified
from caesar.stores.failures import translated
from caesar.stores.locks import WriteLock, locks_folder, owning
from caesar.stores.transaction import Transactions
from caesar.stores.writer import Writer

__all__ = ["SqliteEventLog"]

PATIENCE_S = 90.0
"""How long a batch waits for its turn among the processes that write, unless told otherwise."""

_READ = """
SELECT seq, stream, version, kind, v, recorded_at_us, CAST(body AS BLOB), previous, digest
FROM events WHERE stream = ? AND version <= ? ORDER BY version
"""

_ALL = 2**63 - 1
"""More events than any stream has."""

_TEXTS = "SELECT digest, size, data FROM blobs WHERE digest IN (SELECT value FROM json_each(?))"

_NAMES = """
WITH RECURSIVE names (stream) AS (
    SELECT min(stream) FROM events WHERE stream >= :first AND stream < CAST(:beyond AS TEXT)
    UNION ALL
    SELECT (SELECT min(stream) FROM events WHERE stream > names.stream AND stream < CAST(:beyond AS TEXT))
    FROM names WHERE names.stream IS NOT NULL
)
"""
"""Hops over the index from stream to stream, so that the number of events doesn't matter."""

_STREAMS = f"""{_NAMES}
SELECT stream FROM names WHERE stream IS NOT NULL
ORDER BY (SELECT seq FROM events WHERE events.stream = names.stream ORDER BY version LIMIT 1)
"""  # noqa: S608 - made of constants only

_HEADS = f"""{_NAMES}
SELECT events.stream, events.version, events.digest
FROM names JOIN events ON events.seq = (
    SELECT seq FROM events WHERE events.stream = names.stream ORDER BY version DESC LIMIT 1
)
ORDER BY events.stream
"""  # noqa: S608 - likewise


class SqliteEventLog:
    """Keeps the EventLog contract in a file; closed by leaving its `with` block."""

    def __init__(
        self, path: Path, *, reader: sqlite3.Connection, writer: Writer | None, opened: ExitStack
    ) -> None:
        self._path = path
        self._reader = reader
        self._reading = threading.Lock()
        self._writer = writer
        self._opened = opened

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock_us: Callable[[], int],
        read_only: bool = False,
        patience_s: float = PATIENCE_S,
    ) -> Self:
        """Open the store, and make it, with the folders above it, unless read_only.

        A batch waits for its turn, and for programs that lock the file, for `patience_s` each.
        The clock gives microseconds since the epoch and is asked in the writer's thread. StoreError
        where the path can't be a store of this program.
        """
        path = path.resolve()  # by whatever name it is opened, a store has one folder of locks
        with ExitStack() as opened:
            writer = None if read_only else _open_writer(path, clock_us, opened, patience_s=patience_s)
            reader = opened.enter_context(closing(schema.open_reader(path)))
            return cls(path, reader=reader, writer=writer, opened=opened.pop_all())

    def close(self) -> None:
        """Write what is queued and close the file; a second call does nothing."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def append(self, append: Append) -> tuple[Envelope, ...]:
        """Return once the events and texts are durable; ConflictError if the stream stood elsewhere.

        After any StoreError nothing of the append is stored. One that is cancelled while it waits
        may be stored all the same.
        """
        if self._writer is None:
            raise StoreError(f"the event store {self._path} was opened for reading only: open it for writing")
        return await self._writer.submit(append)

    def read(self, stream: str, *, upto: int | None = None) -> tuple[Envelope, ...]:
        """A stream's events in order, at most `upto` of them; empty for a stream that does not exist.

        StoreError naming the stream and the first version of these that is missing or was changed.
        """
        rows = self._rows(_READ, (stream, _ALL if upto is None else upto))
        return verified(stream, (Envelope(*row) for row in rows))

    def streams(self, prefix: str = "") -> tuple[str, ...]:
        """The names of all streams that start with the prefix, in order of first appearance."""
        return tuple(stream for (stream,) in self._rows(_STREAMS, _range(prefix)))

    def heads(self, prefix: str = "") -> tuple[tuple[str, int, Digest], ...]:
        """Name, last version and its digest of all streams that start with the prefix, by name."""
        return tuple(self._rows(_HEADS, _range(prefix)))

    def texts(self, digests: Sequence[Digest]) -> Mapping[Digest, str]:
        """The texts of the digests; StoreError naming the first that is missing or damaged."""
        blobs = {digest: (size, data) for digest, size, data in self._rows(_TEXTS, (json.dumps(digests),))}
        missing = next((digest for digest in digests if digest not in blobs), None)
        if missing is not None:
            raise StoreError(f"the text {missing} is missing from {self._path}: restore the store from a copy")
        context = Decompressor()  # a call's own, since the log is read from several threads
        return {
            digest: context.text(digest, size=blobs[digest][0], data=blobs[digest][1]) for digest in digests
        }

    @contextmanager
    def own(self, run: str) -> Iterator[None]:
        """Be the one process that works on the run inside the block.

        StoreError naming the process that is, if there is one. Ownership ends with the process,
        however it ends.
        """
        with ExitStack() as held:
            with translated(self._path):
                held.enter_context(owning(run, locks_folder(self._path)))
            yield

    def _rows(self, statement: str, parameters: Sequence[str | int] | Mapping[str, str | bytes]) -> list[Any]:
        """All rows at once, so that a reader never holds an old state of the file open."""
        with translated(self._path), self._reading:
            return self._reader.execute(statement, parameters).fetchall()


def _open_writer(path: Path, clock_us: Callable[[], int], opened: ExitStack, *, patience_s: float) -> Writer:
    schema.check_place(path)
    schema.check_identity(path)
    with translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = opened.enter_context(closing(WriteLock(locks_folder(path), patience_s=patience_s)))
    schema.create(path, lock)
    with translated(path):
        file = path.stat()
    connection = opened.enter_context(closing(schema.connect(path, busy_s=patience_s)))
    return opened.enter_context(closing(Writer(path, Transactions(connection, clock_us), lock, file=file)))


def _range(prefix: str) -> dict[str, str | bytes]:
    """Bounds of all that starts with the prefix; no text in UTF-8 has a byte 0xFF."""
    return {"first": prefix, "beyond": prefix.encode() + b"\xff"}
