import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from contracts.eventlog import NOW_US, turns

from caesar.errors import StoreError
from caesar.ports import Append
from caesar.stores import schema
from caesar.stores.eventlog import SqliteEventLog


def open_log(path, *, read_only=False):
    return SqliteEventLog.open(path, clock_us=lambda: NOW_US, read_only=read_only)


def run_sql(path, statement):
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchall()


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_is_not_sqlite_is_refused_and_left_alone(tmp_path, read_only):
    notes = tmp_path / "notes.txt"
    notes.write_text("not a database, " * 100)

    with pytest.raises(StoreError, match=r"notes.txt is not an event store \(not an SQLite file\)"):
        open_log(notes, read_only=read_only)

    assert [notes] == list(tmp_path.iterdir())
    assert notes.read_text() == "not a database, " * 100


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize(
    "statement", ["CREATE TABLE t (a)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"]
)
def test_someone_elses_sqlite_file_is_refused_and_left_alone(tmp_path, statement, read_only):
    other = tmp_path / "other.db"
    run_sql(other, statement)
    before = other.read_bytes()

    with pytest.raises(StoreError, match=r"other.db is an SQLite file but not an event store"):
        open_log(other, read_only=read_only)

    assert before == other.read_bytes()
    assert [other] == list(tmp_path.iterdir())


@pytest.mark.parametrize("read_only", [True, False])
def test_a_store_of_a_newer_caesar_is_refused(store, read_only):
    open_log(store).close()
    run_sql(store, "PRAGMA user_version = 99")

    with pytest.raises(StoreError, match=r"written by a newer Caesar \(schema 99, this one knows 1\)"):
        open_log(store, read_only=read_only)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_folder_is_refused_with_a_better_name(tmp_path, read_only):
    with pytest.raises(StoreError, match=rf"is a folder.* {tmp_path}/caesar.db"):
        open_log(tmp_path, read_only=read_only)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_pipe_is_refused_rather_than_waited_for(tmp_path, read_only):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(StoreError, match="pipe is a device or a pipe, not an event store"):
        open_log(tmp_path / "pipe", read_only=read_only)


def test_a_path_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="can't be used"):
        open_log(tmp_path / "file" / "caesar.db")


def test_a_store_that_does_not_exist_is_not_made_by_reading(store):
    with pytest.raises(StoreError, match="there is no event store at"):
        open_log(store, read_only=True)

    assert not store.parent.exists()


def test_an_empty_file_becomes_a_store_by_writing_only(tmp_path):
    store = tmp_path / "caesar.db"
    store.touch()

    with pytest.raises(StoreError, match="has nothing to read yet"):
        open_log(store, read_only=True)
    with open_log(store) as log:
        assert log.streams() == ()


def test_a_network_file_system_is_refused(store, monkeypatch):
    monkeypatch.setattr(schema, "read_mounts", lambda: "server:/home / nfs4 rw 0 0\n")

    with pytest.raises(StoreError, match=r"network file system \(nfs4\)"):
        open_log(store)

    assert not store.parent.exists()


def test_an_sqlite_without_strict_tables_is_refused(store, monkeypatch):
    monkeypatch.setattr(schema.sqlite3, "sqlite_version_info", (3, 37, 2))

    with pytest.raises(StoreError, match="use a newer Python"):
        open_log(store)


def test_a_new_store_says_what_it_is_and_is_safe_against_power_loss(store):
    with open_log(store) as log:
        connection = log._writer._transactions._connection

        assert connection.execute("PRAGMA application_id").fetchall() == [(schema.APPLICATION_ID,)]
        assert [(len(schema.MIGRATIONS),)] == connection.execute("PRAGMA user_version").fetchall()
        assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
        assert connection.execute("PRAGMA synchronous").fetchall() == [(2,)]


def test_a_path_with_odd_characters_is_that_path(tmp_path):
    path = tmp_path / "a?mode=ro#100%20 é.db"

    open_log(path).close()

    assert path.stat().st_size > 0


def test_a_store_has_one_folder_of_locks_by_whatever_name_it_is_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("link.db").symlink_to("caesar.db")

    with open_log(Path("caesar.db")) as log, open_log(Path("link.db")) as linked, log.own("run"):
        monkeypatch.chdir("/")

        with pytest.raises(StoreError, match="is being worked on by"), linked.own("run"):
            pytest.fail("both own the run")


def test_a_store_with_a_second_name_is_read_but_not_written(store, tmp_path):
    with open_log(store):
        pass
    (tmp_path / "second.db").hardlink_to(store)

    with pytest.raises(StoreError, match="has a second name"):
        open_log(store)
    with open_log(store, read_only=True) as log:
        assert () == log.streams()


def test_a_migration_that_fails_is_not_recorded(store, tmp_path, monkeypatch):
    open_log(store).close()
    broken = tmp_path / "broken.sql"
    broken.write_text("CREATE TABLE later (a);\nCREATE TABLE events (a);\n")
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, schema.Migration(str(broken))))

    with pytest.raises(StoreError, match="events already exists"):
        open_log(store)

    assert run_sql(store, "PRAGMA user_version") == [(1,)]
    assert run_sql(store, "SELECT * FROM sqlite_schema WHERE name = 'later'") == []


def test_a_later_migration_is_applied_once_to_a_store_with_events(store, tmp_path, monkeypatch):
    with open_log(store) as log:
        before = asyncio.run(log.append(Append("run", 0, turns(1))))
    later = tmp_path / "later.sql"
    later.write_text("CREATE TABLE later (a);\n")
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, schema.Migration(str(later))))

    open_log(store).close()
    with open_log(store) as log:
        assert before == log.read("run")

    assert run_sql(store, "PRAGMA user_version") == [(2,)]


def test_a_store_another_program_writes_to_is_called_locked(store):
    opened = SqliteEventLog.open(store, clock_us=lambda: NOW_US, patience_s=0.01)
    with opened as log, closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreError, match="is locked by another program"):
            asyncio.run(log.append(Append("run", 0, turns(1))))


READ_AS_NOBODY = """
import os, sys
from pathlib import Path
from caesar.errors import StoreError
from caesar.stores.eventlog import SqliteEventLog

os.setuid(65534)
with SqliteEventLog.open(Path(sys.argv[1]), clock_us=int, read_only=True) as log:
    print(log.streams())
try:
    SqliteEventLog.open(Path(sys.argv[1]), clock_us=int)
except StoreError as error:
    print(error)
"""


@pytest.fixture
def entered_by_all():
    """A folder that every user may enter, unlike pytest's own, in which new files may be read by all."""
    before = os.umask(0o022)
    try:
        with TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            yield Path(folder)
    finally:
        os.umask(before)


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("being_written", [True, False])
def test_a_store_in_somebody_elses_folder_can_be_read_but_not_written(entered_by_all, being_written):
    store = entered_by_all / "caesar.db"
    with open_log(store) as log:
        asyncio.run(log.append(Append("run", 0, turns(1))))
        if not being_written:
            log.close()
        ended = subprocess.run(
            [sys.executable, "-c", READ_AS_NOBODY, store], capture_output=True, text=True, check=True
        )

    streams, refusal = ended.stdout.splitlines()
    assert streams == "('run',)"
    assert refusal == f"{store} can't be used (Permission denied): check the folder and its permissions"
