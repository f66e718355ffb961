"""The store as the two relations that SQL is given: `events` and `texts`, streamed as Arrow batches.

Rows come in a fixed order, so that sums of floats come out identical. A batch holds some megabytes;
the whole is never in memory. pyarrow is imported when a relation is asked for, not before.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Protocol

from caesar.domain import Digest
from caesar.errors import StoreError
from caesar.events import current, kinds
from caesar.stores.blobs import Decompressor
from caesar.stores.failures import translated
from caesar.stores.schema import open_reader

__all__ = ["ArrowStream", "digests_named", "event_batches", "text_batches"]

_ROWS = 4096
_CHARACTERS = 4 << 20
"""A batch ends with the row that reaches either."""

_EVENTS = """
SELECT seq, stream, version, kind, v, recorded_at_us, body FROM events
WHERE stream NOT IN (SELECT value FROM json_each(:without)) ORDER BY seq
"""

_EVENTS_OF_RUNS = """
WITH chosen (seq) AS (
    SELECT events.seq FROM json_each(:runs) AS run JOIN events ON events.stream = run.value
    UNION
    SELECT events.seq FROM json_each(:runs) AS run
    JOIN events ON events.stream > run.value || '/' AND events.stream < run.value || '0'
)
SELECT seq, stream, version, kind, v, recorded_at_us, body FROM chosen JOIN events USING (seq)
WHERE stream NOT IN (SELECT value FROM json_each(:without)) ORDER BY seq
"""
"""In a stream's name '/' follows the run, and '0' is the character after '/'."""

_TEXTS = "SELECT digest, size, data FROM blobs ORDER BY digest"
_TEXTS_OF_DIGESTS = """
SELECT digest, size, data FROM blobs WHERE digest IN (SELECT value FROM json_each(:digests)) ORDER BY digest
"""

_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class ArrowStream(Protocol):
    """A pyarrow.RecordBatchReader, as far as its readers need to know; it can be read once."""

    def __iter__(self) -> Iterator[Any]:
        """Its record batches."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The stream as a capsule."""


def event_batches(path: Path, runs: Sequence[str] | None = None, *, without: Sequence[str] = ()) -> ArrowStream:
    """The events of all runs, or of these (their own streams and their trajectories'), by seq.

    Streams named in `without` are left out. Events of older versions come as the newest version of
    their kind. The state of the store is that of the call. StoreError where the path is no store; the
    chain of digests is not checked here.
    """
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and only reports need it

    fields = [
        ("seq", pa.int64()), ("stream", pa.string()), ("version", pa.int64()), ("kind", pa.string()),
        ("v", pa.int64()), ("recorded_at_us", pa.int64()), ("body", pa.string()),
    ]  # fmt: skip
    statement = _EVENTS if runs is None else _EVENTS_OF_RUNS
    chosen = {} if runs is None else {"runs": json.dumps(runs)}
    rows = map(_newest, _query(path, statement, {**chosen, "without": json.dumps(without)}))
    return _stream(pa.schema(fields), rows, size=lambda row: len(row[-1]))


def text_batches(
    path: Path, digests: Sequence[Digest] | None = None, *, damaged: Callable[[StoreError], None] | None = None
) -> ArrowStream:
    """All texts, or those of these digests that the store has, by digest.

    Asked for after `event_batches` it holds every text that those events name. StoreError where the
    path is no store; reading on fails with it at a damaged text, unless `damaged` is told of it, which
    leaves the text out.
    """
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and only reports need it

    statement = _TEXTS if digests is None else _TEXTS_OF_DIGESTS
    rows = _query(path, statement, {} if digests is None else {"digests": json.dumps(digests)})
    context = Decompressor()
    texts = (text for row in rows if (text := _unpacked(row, context, damaged)) is not None)
    return _stream(
        pa.schema([("digest", pa.string()), ("text", pa.string())]), texts, size=lambda row: len(row[1])
    )


def digests_named(path: Path, runs: Sequence[str]) -> tuple[Digest, ...]:
    """Every digest that the events of these runs mention, sorted; not all of them are texts'."""
    rows = _query(path, _EVENTS_OF_RUNS, {"runs": json.dumps(runs), "without": "[]"})
    return tuple(sorted({digest for row in rows for digest in _DIGEST.findall(row[-1])}))


def _newest(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row of an older version of its kind as one of the newest; one of a newer program's stays."""
    *place, kind, v, recorded_at_us, body = row
    newest = kinds().get(kind)
    if newest is None or v >= newest.v:
        return row
    return (*place, kind, newest.v, recorded_at_us, current(kind, v, body.encode()).decode())


def _unpacked(
    row: tuple[Any, ...], context: Decompressor, damaged: Callable[[StoreError], None] | None
) -> tuple[Digest, str] | None:
    digest, size, data = row
    try:
        return digest, context.text(digest, size=size, data=data)
    except StoreError as error:
        if damaged is None:
            raise
        damaged(error)
        return None


def _query(path: Path, statement: str, parameters: dict[str, str]) -> Iterator[tuple[Any, ...]]:
    """The statement's rows, as the store is now; the connection lives as long as the iterator."""
    with ExitStack() as opened, translated(path):
        connection = opened.enter_context(closing(open_reader(path)))
        cursor = connection.execute(statement, parameters)
        return _rows(path, cursor, opened.pop_all())


def _rows(path: Path, cursor: sqlite3.Cursor, opened: ExitStack) -> Iterator[tuple[Any, ...]]:
    with opened, translated(path):
        yield from cursor


def _stream(
    schema: Any, rows: Iterator[tuple[Any, ...]], *, size: Callable[[tuple[Any, ...]], int]
) -> ArrowStream:
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and only reports need it

    batches = (
        pa.RecordBatch.from_arrays(
            [
                pa.array(column, field.type)
                for column, field in zip(zip(*part, strict=True), schema, strict=True)
            ],
            schema=schema,
        )
        for part in _parts(rows, size)
    )
    stream: ArrowStream = pa.RecordBatchReader.from_batches(schema, batches)
    return stream


def _parts(
    rows: Iterator[tuple[Any, ...]], size: Callable[[tuple[Any, ...]], int]
) -> Iterator[list[tuple[Any, ...]]]:
    part: list[tuple[Any, ...]] = []
    characters = 0
    for row in rows:
        part.append(row)
        characters += size(row)
        if len(part) == _ROWS or characters >= _CHARACTERS:
            yield part
            part, characters = [], 0
    if part:
        yield part
