"""`caesar report`, `export` and `sql`: everything that DuckDB computes from the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from caesar.cli.look import open_store, require_run
from caesar.cli.output import emit_json, emit_rows, emit_table, emit_text, note
from caesar.cli.store import with_ancestors
from caesar.engine.fork import before
from caesar.errors import CaesarError, StoreError, UsageError
from caesar.events import Envelope
from caesar.reports.database import connect
from caesar.reports.log_json import export
from caesar.reports.paired import comparisons
from caesar.reports.query import run_query, sql
from caesar.reports.report import QUERIES, Report, document, report
from caesar.reports.sheet import Sheet
from caesar.reports.tables import device_sheet, sheets
from caesar.stores.eventlog import SqliteEventLog
from caesar.stores.relations import event_batches, text_batches

__all__ = ["export_command", "export_quietly", "report_command", "sql_command"]


def report_command(store: Path, runs: Sequence[str], *, json: bool) -> None:
    """Print the summary, fast_p, the speedups, what was noticed, how forks differ, and where time went."""
    with _database(store, runs, texts=False) as connection:
        tables = {name: run_query(connection, name) for name in QUERIES}
        device_time = run_query(connection, "device_time")
        paired = comparisons(run_query(connection, "paired"))
    shown = report(tables, paired=paired)
    if json:
        emit_json({**document(shown), "device_time": list(device_time.records())})
        return
    _emit_report(shown)
    if device_time.rows:
        _emit_sheet(device_sheet(device_time))


def export_command(store: Path, run: str, *, to: Path) -> None:
    """Write a run in upstream's layout."""
    with _database(store, (run,), texts=True) as connection:
        files = export(connection, root=to, run=run)
    emit_text(f"{len(files)} files written under {to}")


def export_quietly(store: Path, run_id: str, *, to: Path) -> str:
    """Export at the end of a run; what to tell about it, also where it could not be done."""
    try:
        with _database(store, (run_id,), texts=True) as connection:
            files = export(connection, root=to, run=run_id)
    except CaesarError as error:
        return f"; log.json was not exported: {error}"
    return f", log.json under {files[0].parents[2] if files else to}"


def sql_command(store: Path, query: str, runs: Sequence[str], *, json: bool) -> None:
    """Print a query's rows."""
    with _database(store, runs, texts=True) as connection:
        table = sql(connection, query)
    if json:
        emit_json([{name: _plain(value) for name, value in row.items()} for row in table.records()])
        return
    if len(table.rows) == 1 and len(table.columns) == 1:
        emit_text(str(table.rows[0][0]))  # one value alone is printed as it is, a source with its lines
        return
    emit_table(table.columns, table.rows)


@contextmanager
def _database(store: Path, runs: Sequence[str], *, texts: bool) -> Iterator[Any]:
    with open_store(store) as log:
        named = (require_run(log, name) for name in runs)
        ids = tuple(run.id for run in with_ancestors(log, named)) or None
        chosen = (stream for stream in log.streams() if ids is None or stream.partition("/")[0] in ids)
        damaged = tuple(_damaged(log, chosen))
    load_texts = partial(text_batches, store, damaged=_leave_out) if texts else None
    connection = connect(partial(event_batches, store, ids, without=damaged), load_texts)
    try:
        yield connection
    finally:
        connection.close()


def _damaged(log: SqliteEventLog, streams: Iterable[str]) -> Iterator[str]:
    """The streams no figure may come from: damaged ones, a damaged run's, and forks of either.

    A fork's shared turns are its parent's events, so it is left out also where only what it does not
    share is damaged: of a damaged stream nothing is loaded.
    """

    def read_whole(stream: str, *, upto: int | None = None) -> Sequence[Envelope]:
        return log.read(stream)[:upto]

    runs: set[str] = set()
    told: set[str] = set()
    for stream in sorted(streams):  # a run's own stream before its trajectories'
        run, slash, _ = stream.partition("/")
        if run in runs:
            yield stream
            continue
        try:
            before(read_whole, stream, log.read(stream))
        except StoreError as error:
            if str(error) not in told:  # a parent's damage is its forks' too
                _leave_out(error)
            told.add(str(error))
            runs |= set() if slash else {run}
            yield stream


def _leave_out(error: StoreError) -> None:
    note(f"left out: {error}")


def _emit_report(shown: Report) -> None:
    if not shown.summary.rows:
        raise UsageError("there is no run to report on; `caesar run` makes one")
    for sheet in sheets(shown):
        _emit_sheet(sheet)
    for told in shown.notes:
        emit_text(f"note: {told}")
    if shown.notes:
        emit_text("")


def _emit_sheet(sheet: Sheet) -> None:
    emit_text(f"{sheet.title}:")
    emit_rows(_headings(sheet), sheet.cells, right=[column.form.numeric for column in sheet.columns])
    emit_text("")


def _headings(sheet: Sheet) -> list[str]:
    return [
        column.title if column.unit is None else f"{column.title} ({column.unit})" for column in sheet.columns
    ]


def _plain(value: object) -> object:
    """A DuckDB value as JSON has it; what JSON has no word for becomes text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)  # noqa: PLR0124 (NaN)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)
