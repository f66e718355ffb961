"""Upstream's folders of log.json and config.json, rebuilt from the log by analysis/log_json.sql.

The files are a view: deleting them and exporting again gives the same bytes, and nothing reads them
back to decide anything. Upstream's names are the SQL's business; this module only puts texts in files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from caesar.errors import StoreError, UsageError
from caesar.reports.analysis import query_text
from caesar.reports.database import Connection, refusals

__all__ = ["export"]

_AT_ONCE = 16
"""Trajectories held in memory at a time."""


@dataclass(frozen=True, slots=True)
class _Exported:
    """One trajectory's folder and what belongs into it."""

    folders: tuple[str, ...]
    """Names from the root down, one folder each."""
    log: str
    config: str
    done: bool


def export(connection: Connection, *, root: Path, run: str) -> tuple[Path, ...]:
    """Make the run's folder under the root say what the log says, and return its files, in order.

    The run is named by id or name. A file is replaced atomically, and only where its bytes differ; a
    DONE that is no longer true is removed. Files of other runs, and other files, stay. UsageError where
    there is no such run or the folder can't be written; StoreError where the log's texts are not all
    there.
    """
    chosen = _run_id(connection, run)
    _require_texts(connection, chosen)
    try:
        with refusals(f"run {run} can't be exported", raised=StoreError):
            return tuple(path for exported in _read(connection, chosen) for path in _write(root, exported))
    except OSError as error:
        raise UsageError(
            f"the export of run {run} can't write {error.filename}: {error.strerror}; export to another folder"
        ) from error


def _run_id(connection: Connection, run: str) -> str:
    rows = connection.execute("SELECT run FROM runs WHERE run = $run OR name = $run", {"run": run}).fetchall()
    if len(rows) != 1:
        raise UsageError(f"there is no run {run!r} in this store; `caesar status` lists its runs")
    return str(rows[0][0])


def _require_texts(connection: Connection, run: str) -> None:
    missing = connection.execute(
        "SELECT min(digest), count(*) FROM named_texts ANTI JOIN texts USING (digest) WHERE run = $run",
        {"run": run},
    ).fetchall()
    digest, count = missing[0]
    if count:
        raise StoreError(
            f"{count} texts that run {run} names are not loaded or missing, {digest} first;"
            " restore the store from a copy"
        )


def _read(connection: Connection, run: str) -> Iterator[_Exported]:
    result = connection.execute(
        "SELECT group_folder, run_folder, problem_folder, sample_folder, log_json, config_json, done "  # noqa: S608 (our own file)
        f"FROM ({query_text('log_json')}) WHERE run = $run ORDER BY problem, sample",
        {"run": run},
    )
    while rows := result.fetchmany(_AT_ONCE):
        for *folders, log, config, done in rows:
            yield _Exported(tuple(folders), log, config, done)


def _write(root: Path, exported: _Exported) -> tuple[Path, ...]:
    folder = root.joinpath(*(_checked(name) for name in exported.folders))
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "DONE"
    if not exported.done:
        done.unlink(missing_ok=True)
    contents = {folder / "config.json": _pretty(exported.config), folder / "log.json": _pretty(exported.log)}
    if exported.done:
        contents[done] = b""
    for path, content in contents.items():
        _replace(path, content)
    return tuple(contents)


def _checked(name: str) -> str:
    if name in {"", ".", ".."} or "/" in name or os.sep in name or "\0" in name:
        raise UsageError(f"{name!r} can't be a folder's name; give the run another name with --name")
    return name


def _pretty(text: str) -> bytes:
    return json.dumps(json.loads(text), indent=2).encode()


def _replace(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    written = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        written.write_bytes(content)
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)
