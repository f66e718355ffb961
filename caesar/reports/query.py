"""Running SQL over the log: the shipped queries by name, and a user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caesar.errors import StoreError, UsageError
from caesar.reports.analysis import query_text
from caesar.reports.database import Connection, refusals

__all__ = ["Table", "run_query", "sql"]


@dataclass(frozen=True, slots=True)
class Table:
    """What a query gave: named columns and rows of plain values, lists as tuples, NULL as None."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def records(self) -> tuple[Mapping[str, object], ...]:
        """Each row by column name; of columns with the same name the last one counts."""
        return tuple(dict(zip(self.columns, row, strict=True)) for row in self.rows)


def run_query(connection: Connection, name: str) -> Table:
    """The rows of analysis/NAME.sql over the loaded log; UsageError where there is no such query.

    StoreError where the log holds something that the views can't read.
    """
    query = query_text(name)
    with refusals(f"analysis/{name}.sql can't be run on this log", raised=StoreError):
        return _table(connection.execute(query))


def sql(connection: Any, text: str) -> Table:
    """The rows of one read-only statement of a user's.

    UsageError, in one sentence, where it is not exactly one SELECT (or DESCRIBE, SHOW, SUMMARIZE, which
    DuckDB rewrites to one), where DuckDB refuses it, or where it reaches for anything but the log.
    """
    with refusals("the query can't be run", raised=UsageError):
        statements = connection.extract_statements(text)
        if len(statements) != 1 or not _is_select(statements[0]):
            raise UsageError("caesar sql takes one SELECT statement and changes nothing; give it one")
        return _table(connection.execute(statements[0]))


def _is_select(statement: Any) -> bool:
    try:
        return bool(statement.type.name == "SELECT")
    except ValueError:  # a kind that duckdb's Python has no name for, as CONNECT's
        return False


def _table(result: Connection) -> Table:
    columns = tuple(str(column[0]) for column in result.description or ())
    return Table(columns, tuple(tuple(_frozen(value) for value in row) for row in result.fetchall()))


def _frozen(value: object) -> object:
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value
