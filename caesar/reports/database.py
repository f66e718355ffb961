"""The log in an in-memory DuckDB, closed off from the machine: where every report's SQL runs.

One thread, so that sums of floats come out identical each time; no files, no network, no extensions
from outside, so that a query can read the log and nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol, Self

from caesar.errors import CaesarError, StoreError, UsageError
from caesar.events import kinds
from caesar.reports.analysis import views_text

__all__ = ["Connection", "EventBatches", "TextBatches", "connect", "refusals"]

EventBatches = Callable[[], Iterable[Any]]
"""Opens the events as a pyarrow.RecordBatchReader: seq, stream, version, kind, v, recorded_at_us, body."""

TextBatches = Callable[[Sequence[str] | None], Iterable[Any]]
"""Opens the texts of the digests as a pyarrow.RecordBatchReader: digest, text."""

_CONFIGURATION = {
    "threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    "temp_directory": "",
}

_TABLES = """
CREATE TABLE events (
    seq BIGINT, stream VARCHAR, version BIGINT, kind VARCHAR, v BIGINT, recorded_at_us BIGINT, body VARCHAR
);
CREATE TABLE texts (digest VARCHAR, text VARCHAR);
"""


class Connection(Protocol):
    """What reports use of a DuckDB connection, which may not be installed."""

    description: list[tuple[Any, ...]] | None

    def execute(self, query: str, parameters: object = None) -> Self:
        """Run the statements; the last one's rows are fetched from the result."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Every row that is left."""

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        """The next rows, at most so many; empty at the end."""


def connect(events: EventBatches, texts: TextBatches | None = None) -> Any:
    """A DuckDB connection with the log and the views of analysis/00_views.sql, closed off from all else.

    Only texts that the events name are loaded; without `texts` the table is empty, which is enough for
    figures. The caller closes the connection. UsageError where DuckDB or pyarrow is missing, StoreError
    where the log was written by a newer program.
    """
    connection = _duckdb().connect(":memory:", config=dict(_CONFIGURATION))
    with ExitStack() as unless_ready:
        unless_ready.callback(connection.close)
        connection.execute(_TABLES)
        _load(connection, "events", batches=events())
        _refuse_newer(connection)
        connection.execute(views_text())
        if texts is not None:
            _load(connection, "texts", batches=texts(_named(connection)))
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        unless_ready.pop_all()
    return connection


@contextmanager
def refusals(what: str, *, raised: type[CaesarError]) -> Iterator[None]:
    """Turn what DuckDB refuses into the given error, in one sentence that starts with `what`."""
    duckdb = _duckdb()
    try:
        yield
    except duckdb.Error as error:
        raise raised(f"{what}: {str(error).splitlines()[0]}") from error


def _duckdb() -> Any:
    try:
        importlib.import_module("pyarrow")
        return importlib.import_module("duckdb")
    except ImportError as error:
        raise UsageError(
            f"reports need {error.name}, which is not installed here or can't be loaded: install duckdb"
            " pyarrow, then `caesar export RUN`"
        ) from error


def _load(connection: Any, table: str, *, batches: Iterable[Any]) -> None:
    # batch by batch, so that what the store says of a damaged row arrives as it said it
    for batch in batches:
        connection.register("incoming", batch)
        connection.execute(f"INSERT INTO {table} BY NAME FROM incoming")
        connection.unregister("incoming")


def _refuse_newer(connection: Connection) -> None:
    known = kinds()
    found = connection.execute("SELECT kind, max(v) FROM events GROUP BY kind ORDER BY kind").fetchall()
    for kind, v in found:
        if kind not in known or v > known[kind].v:
            raise StoreError(f"event kind {kind} version {v} is newer than this program; use a newer Caesar")


def _named(connection: Connection) -> tuple[str, ...]:
    with refusals("the log's events can't be read", raised=StoreError):
        rows = connection.execute("SELECT DISTINCT digest FROM named_texts ORDER BY digest").fetchall()
    return tuple(digest for (digest,) in rows)
