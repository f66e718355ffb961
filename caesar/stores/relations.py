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
from caesar.stores.blobs import unpack
from caesar.stores.failures import translated
from caesar.stores.schema import open_reader

__all__ = ["ArrowStream", "digests_named", "event_batches", "text_batches"]

_ROWS = 4096
_CHARACTERS = 4 << 20
"""A batch ends with the row that reaches either."""

_EVENTS = """
SELECT seq, stream, version, kind, v, recorded_at_us, body FROM events ORDER BY seq
"""

_EVENTS_OF_RUNS = """
WITH chosen (seq) AS (
    SELECT events.seq FROM json_each(:runs) AS run JOIN events ON events.stream = run.value
    UNION
    SELECT events.seq FROM json_each(:runs) AS run
    JOIN events ON events.stream > run.value || '/' AND events.stream < run.value || '0'
)
SELECT seq, stream, version, kind, v, recorded_at_us, body FROM chosen JOIN events USING (seq) ORDER BY seq
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


def event_batches(path: Path, runs: Sequence[str] | None = None) -> ArrowStream:
    """The events of all runs, or of these (their own streams and their trajectories'), by seq.

    The state of the store is that of the call. StoreError where the path is no store; the chain of
    digests is not checked here.
    """
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and only reports need it

    fields = [
        ("seq", pa.int64()), ("stream", pa.string()), ("version", pa.int64()), ("kind", pa.string()),
        ("v", pa.int64()), ("recorded_at_us", pa.int64()), ("body", pa.string()),
    ]  # fmt: skip
    statement = _EVENTS if runs is None else _EVENTS_OF_RUNS
    rows = _query(path, statement, {} if runs is None else {"runs": json.dumps(runs)})
    return _stream(pa.schema(fields), rows, size=lambda row: len(row[-1]))


def text_batches(path: Path, digests: Sequence[Digest] | None = None) -> ArrowStream:
    """All texts, or those of these digests that the store has, by digest.

    Asked for after `event_batches` it holds every text that those events name. StoreError where the
    path is no store; reading on fails with it at a damaged text.
    """
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and only reports need it

    statement = _TEXTS if digests is None else _TEXTS_OF_DIGESTS
    rows = _query(path, statement, {} if digests is None else {"digests": json.dumps(digests)})
    texts = ((digest, unpack(digest, size=size, data=data)) for digest, size, data in rows)
    return _stream(
        pa.schema([("digest", pa.string()), ("text", pa.string())]), texts, size=lambda row: len(row[1])
    )


def digests_named(path: Path, runs: Sequence[str]) -> tuple[Digest, ...]:
    """Every digest that the events of these runs mention, sorted; not all of them are texts'."""
    rows = _query(path, _EVENTS_OF_RUNS, {"runs": json.dumps(runs)})
    return tuple(sorted({digest for row in rows for digest in _DIGEST.findall(row[-1])}))


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
