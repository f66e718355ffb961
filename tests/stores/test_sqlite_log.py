"""What the SQLite log does beyond the contract."""

import asyncio
import hashlib
import sqlite3
import threading
from contextlib import closing

import pytest
from contracts.eventlog import NOW_US, EventLogContract, append_all, append_one_by_one, turns

from caesar.domain import digest_of
from caesar.errors import ConflictError, StoreError
from caesar.ports import Append
from caesar.stores.eventlog import SqliteEventLog


def open_log(path, *, read_only=False):
    return SqliteEventLog.open(path, clock_us=lambda: NOW_US, read_only=read_only)


def fill(path, count=3, texts=("a text",)):
    """A store with one stream, `run`, of so many events."""
    with open_log(path) as log:
        return asyncio.run(log.append(Append("run", 0, turns(1, count), texts)))


def vandalise(path, statement):
    """Change a store behind its triggers, as a failing disk would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)


class TestSqliteEventLog(EventLogContract):
    def open_log(self, folder):
        return open_log(folder / "caesar.db")


def test_what_was_appended_is_there_after_reopening(store):
    before = fill(store)

    with open_log(store) as log:
        assert before == log.read("run")
        assert {digest_of("a text"): "a text"} == log.texts([digest_of("a text")])
        assert [envelope.version for envelope in asyncio.run(log.append(Append("run", 3, turns(4))))] == [4]


def test_a_store_open_for_reading_shows_what_is_appended_meanwhile_and_takes_no_appends(store):
    fill(store)

    with open_log(store) as writing, open_log(store, read_only=True) as reading:
        asyncio.run(writing.append(Append("run", 3, turns(4))))

        assert writing.read("run") == reading.read("run")
        with pytest.raises(StoreError, match="for reading only"):
            asyncio.run(reading.append(Append("run", 4, turns(5))))


def test_two_open_logs_of_one_store_take_each_others_appends_into_account(store):
    with open_log(store) as one, open_log(store) as other:
        asyncio.run(one.append(Append("run", 0, turns(1))))
        asyncio.run(other.append(Append("run", 1, turns(2))))
        asyncio.run(one.append(Append("run", 2, turns(3))))

        with pytest.raises(ConflictError):
            asyncio.run(other.append(Append("run", 2, turns(3))))
        assert list(turns(1, 3)) == [envelope.event for envelope in other.read("run")]


def test_heads_are_the_last_version_and_digest_of_each_stream(store):
    with open_log(store) as log:
        asyncio.run(append_one_by_one(log, "b", 2))
        asyncio.run(append_one_by_one(log, "a", 1))

        expected = tuple((name, len(log.read(name)), log.read(name)[-1].digest) for name in ("a", "b"))
        assert expected == log.heads()
        assert expected[1:] == log.heads("b")


@pytest.mark.parametrize("statement", [
    "UPDATE events SET body = '{}'",
    "DELETE FROM events",
    "INSERT OR REPLACE INTO events SELECT seq, 'new', version, kind, v, 0, body, '', '' FROM events",
    "INSERT OR REPLACE INTO events SELECT seq + 9, stream, version, kind, v, 0, body, '', '' FROM events",
    "UPDATE blobs SET size = 0",
    "DELETE FROM blobs",
])  # fmt: skip
def test_other_programs_cannot_change_or_remove_anything(store, statement):
    fill(store)

    with (
        closing(sqlite3.connect(store)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(statement)


def test_replacing_a_blob_leaves_it_as_it_was(store):
    fill(store)

    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("INSERT OR REPLACE INTO blobs VALUES (?, 0, x'')", (digest_of("a text"),))

    with open_log(store) as log:
        assert {digest_of("a text"): "a text"} == log.texts([digest_of("a text")])


@pytest.mark.parametrize(("statement", "version"), [
    ("UPDATE events SET body = '{\"turn\":7}' WHERE version = 2", 2),
    ("UPDATE events SET body = CAST(x'ff' AS TEXT) WHERE version = 2", 2),
    ("UPDATE events SET recorded_at_us = 0 WHERE version = 3", 3),
    ("UPDATE events SET kind = 'turn_ended' WHERE version = 1", 1),
    ("UPDATE events SET digest = previous WHERE version = 3", 3),
    ("UPDATE events SET previous = digest WHERE version = 2", 2),
    ("DELETE FROM events WHERE version = 1", 1),
    ("DELETE FROM events WHERE version = 2", 2),
])  # fmt: skip
def test_a_damaged_stream_is_refused_from_the_first_bad_version_on(store, statement, version):
    fill(store)
    vandalise(store, statement)

    with (
        open_log(store, read_only=True) as log,
        pytest.raises(StoreError, match=f"stream run is damaged from version {version} on"),
    ):
        log.read("run")


def test_what_lies_before_the_first_bad_version_is_read_where_no_more_is_asked_for(store):
    fill(store)
    vandalise(store, "UPDATE events SET recorded_at_us = 0 WHERE version = 3")

    with open_log(store, read_only=True) as log:
        assert [1, 2] == [envelope.version for envelope in log.read("run", upto=2)]
        with pytest.raises(StoreError, match="damaged from version 3 on"):
            log.read("run", upto=3)


def test_a_stream_whose_first_event_is_missing_is_still_listed(store):
    fill(store)
    vandalise(store, "DELETE FROM events WHERE version = 1")

    with open_log(store, read_only=True) as log:
        assert log.streams() == ("run",)


@pytest.mark.parametrize("statement", [
    "UPDATE blobs SET data = x'00'",
    "UPDATE blobs SET data = substr(data, 1, length(data) - 1)",
    "UPDATE blobs SET digest = '" + hashlib.sha256(b"a text").hexdigest() + "' WHERE size = 12",
])  # fmt: skip
def test_a_damaged_text_is_named(store, statement):
    fill(store, texts=("another text",) if "size = 12" in statement else ("a text",))
    vandalise(store, statement)

    with (
        open_log(store, read_only=True) as log,
        pytest.raises(StoreError, match=f"the text {digest_of('a text')} is damaged"),
    ):
        log.texts([digest_of("a text")])


def test_a_full_disk_fails_the_append_and_leaves_the_log_usable(store):
    kept = fill(store)
    large = "".join(hashlib.sha256(b"%d" % number).hexdigest() for number in range(2000))
    too_much = Append("run", 3, turns(4), (large,))
    with open_log(store) as log:
        connection = log._writer._transactions._connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(StoreError, match=r"the disk is full at .*caesar\.db"):
            asyncio.run(log.append(too_much))

        assert kept == log.read("run")
        with pytest.raises(StoreError, match=f"{digest_of(large)} is missing"):
            log.texts([digest_of(large)])
        connection.execute("PRAGMA max_page_count = 1000000")
        assert [envelope.version for envelope in asyncio.run(log.append(too_much))] == [4]


def test_appends_queued_when_the_log_is_closed_are_written(store):
    async def close_behind_appends(log):
        appends = [asyncio.ensure_future(log.append(Append(f"{name}", 0, turns(1)))) for name in range(50)]
        await asyncio.sleep(0)
        log.close()
        return await asyncio.gather(*appends)

    assert len(asyncio.run(close_behind_appends(open_log(store)))) == 50
    with open_log(store, read_only=True) as log:
        assert len(log.streams()) == 50


def test_a_closed_log_refuses_to_append_and_to_read(store):
    log = open_log(store)
    log.close()
    log.close()

    with pytest.raises(StoreError, match="was closed before this append"):
        asyncio.run(log.append(Append("run", 0, turns(1))))
    with pytest.raises(StoreError, match="open the event store again"):
        log.read("run")


def test_a_cancelled_append_does_not_disturb_the_others(store):
    async def cancel_one(log):
        cancelled = asyncio.ensure_future(log.append(Append("a", 0, turns(1))))
        await asyncio.sleep(0)
        cancelled.cancel()
        return await log.append(Append("b", 0, turns(1)))

    with open_log(store) as log:
        asyncio.run(cancel_one(log))

        assert "b" in log.streams()


def test_two_event_loops_share_a_log(store):
    with open_log(store) as log:
        thread = threading.Thread(target=lambda: asyncio.run(append_one_by_one(log, "a", 20)))
        thread.start()
        asyncio.run(append_one_by_one(log, "b", 20))
        thread.join()

        assert (len(log.read("a")), len(log.read("b"))) == (20, 20)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_dies_of_a_defect_leaves_nobody_waiting(store):
    def broken_clock():
        raise ZeroDivisionError

    with SqliteEventLog.open(store, clock_us=broken_clock) as log:
        outcomes = asyncio.run(append_all(log, [Append("a", 0, turns(1)), Append("b", 0, turns(1))]))

        assert [StoreError, StoreError] == [type(outcome) for outcome in outcomes]
        with pytest.raises(StoreError, match="closed"):
            asyncio.run(log.append(Append("a", 0, turns(1))))
