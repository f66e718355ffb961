"""The store's file: how it is told from other files, how it is laid out, how it is opened."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from caesar.errors import StoreError
from caesar.mounts import network_file_system, read_mounts
from caesar.stores.failures import translated
from caesar.stores.locks import WriteLock

__all__ = [
    "APPLICATION_ID",
    "MIGRATIONS",
    "Migration",
    "check_identity",
    "check_place",
    "connect",
    "create",
    "open_reader",
]

APPLICATION_ID = int.from_bytes(b"CAES")
"""What an SQLite file carries in its header if it is a Caesar store."""

_BUSY_S = 10.0
"""How long to wait for a program that doesn't take part in the write lock, such as an SQLite shell.

A log that is open for writing waits as long as it would for another writer."""

_OLDEST_SQLITE = (3, 38, 0)
"""Strict tables and JSON functions."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from a version of the schema to the next; released ones never change."""

    name: str
    """The file with its statements, beside this module."""

    @property
    def statements(self) -> str:
        """SQL, without a transaction of its own."""
        return resources.files("caesar.stores").joinpath(self.name).read_text("utf-8")


MIGRATIONS = (Migration("schema.sql"),)
"""In order; a store's `user_version` says how many of them it has seen."""


def create(path: Path, lock: WriteLock) -> None:
    """Bring the file to the newest schema; nothing happens to one that is there already.

    Each migration is applied and recorded in one transaction. StoreError as for `connect`.
    """
    with translated(path), closing(_connect(path, mode="rwc")) as connection, lock.held():
        applied = _applied(connection, path)
        if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
            raise StoreError(
                f"{path} lies where SQLite has no write-ahead log: choose a --store on a local disk"
            )
        for number, migration in enumerate(MIGRATIONS[applied:], start=applied + 1):
            _apply(connection, migration, number)


def connect(path: Path, *, busy_s: float = _BUSY_S) -> sqlite3.Connection:
    """A connection for writing to a store that `create` has seen to.

    StoreError where the path is no Caesar store, or one of a newer Caesar.
    """
    with translated(path), ExitStack() as opened:
        connection = opened.enter_context(closing(_connect(path, mode="rw", busy_s=busy_s)))
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _applied(connection, path)
        opened.pop_all()
        return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that can't write, to a store at this program's version.

    StoreError where the path is no Caesar store, or one of another version.
    """
    check_place(path)
    if not path.exists():
        raise StoreError(
            f"there is no event store at {path}: name one with --store, or start a run to make one"
        )
    with translated(path), ExitStack() as opened:
        _roll_back(path)
        connection = opened.enter_context(closing(_connect(path, mode="ro", immutable=_frozen(path))))
        if _applied(connection, path) < len(MIGRATIONS):
            raise StoreError(f"{path} has nothing to read yet: start a run, or choose another --store")
        opened.pop_all()
        return connection


def check_place(path: Path) -> None:
    """StoreError where no store can be: no plain file, a network file system, a Python with an old SQLite."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreError(
            f"this Python has SQLite {sqlite3.sqlite_version}, which is older than 3.38: use a newer Python"
        )
    if path.is_dir():
        raise StoreError(
            f"{path} is a folder, not an event store: name a file in it, such as {path / 'caesar.db'}"
        )
    if path.exists() and not path.is_file():  # opening a pipe would wait for ever
        raise StoreError(f"{path} is a device or a pipe, not an event store: choose another --store")
    _refuse_network(path)


def _refuse_network(path: Path) -> None:
    """Between machines neither SQLite's shared memory nor file locks hold: a store would be damaged."""
    kind = network_file_system(path.resolve(), mounts=read_mounts())
    if kind is not None:
        raise StoreError(
            f"{path} lies on a network file system ({kind}), where the event store could be damaged:"
            " choose a --store on a local disk"
        )


def _refuse_two_names(path: Path) -> None:
    """SQLite's log lies beside a name: whoever writes by one name overwrites what was written by another."""
    if path.exists() and path.stat().st_nlink > 1:
        raise StoreError(
            f"{path} has a second name (a hard link), by which it could be damaged: remove that name, or write"
            " to a copy made by `caesar backup`"
        )


def check_identity(path: Path) -> None:
    """StoreError where a file that is there already is no Caesar store; it is left as it is."""
    if path.exists():
        with translated(path):
            _roll_back(path)
        with translated(path), closing(_connect(path, mode="ro", immutable=_frozen(path))) as connection:
            _applied(connection, path)


def _roll_back(path: Path) -> None:
    """Undo what was half done when the power went while a store was laid out; a reader can't do it."""
    if path.with_name(f"{path.name}-journal").exists() and os.access(path.parent, os.W_OK):
        with closing(_connect(path, mode="rw")) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def _connect(path: Path, *, mode: str, immutable: bool = False, busy_s: float = _BUSY_S) -> sqlite3.Connection:
    if mode != "ro":
        _refuse_two_names(path)
    uri = f"{path.resolve().as_uri()}?mode={mode}" + ("&immutable=1" if immutable else "")
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=busy_s, check_same_thread=False)


def _frozen(path: Path) -> bool:
    """Whether the store lies in a folder we can't write to, and no writer left a log beside it.

    Such a store can't be read in the ordinary way, which makes shared memory beside the file.
    """
    return not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()


def _applied(connection: sqlite3.Connection, path: Path) -> int:
    """How many migrations the file has seen; 0 for an empty one."""
    connection.execute("BEGIN")  # or another process could lay the file out between two of these
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    connection.execute("COMMIT")
    if application != APPLICATION_ID and (application, version, objects) != (0, 0, 0):
        raise StoreError(f"{path} is an SQLite file but not an event store: choose another --store")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer Caesar (schema {version}, this one knows {len(MIGRATIONS)}):"
            " use that Caesar, or another --store"
        )
    return int(version)


def _apply(connection: sqlite3.Connection, migration: Migration, number: int) -> None:
    connection.executescript(
        f"BEGIN IMMEDIATE; {migration.statements}"
        f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; COMMIT;"
    )
