import asyncio
import sqlite3
import threading
from contextlib import closing

import pytest
from contracts.eventlog import append_all, turns

from caesar.errors import StoreError
from caesar.ports import Append
from caesar.stores.locks import WriteLock
from caesar.stores.writer import Writer


class SlowTransactions:
    """Writes nothing; says when its first batch has `begun` and waits for `go`; some batches fail."""

    def __init__(self, *, failing=()):
        self.batches = []
        self.begun = threading.Event()
        self.go = threading.Event()
        self._failing = failing

    def write(self, appends):
        self.batches.append([append.stream for append in appends])
        self.begun.set()
        self.go.wait()
        if len(self.batches) in self._failing:
            raise sqlite3.OperationalError("disk I/O error")
        return [()] * len(appends)


@pytest.fixture
def lock(tmp_path):
    with closing(WriteLock(tmp_path, patience_s=1)) as lock:
        yield lock


async def first_then(writer, transactions, streams):
    """Append to `first` and, while that is being written, to the others."""
    first = writer.submit(Append("first", 0, turns(1)))
    await asyncio.to_thread(transactions.begun.wait)
    others = [writer.submit(Append(stream, 0, turns(1))) for stream in streams]
    transactions.go.set()
    return await asyncio.gather(first, *others, return_exceptions=True)


def test_what_arrives_during_a_commit_is_the_next_batch(tmp_path, lock):
    transactions = SlowTransactions()
    with closing(Writer(tmp_path, transactions, lock)) as writer:
        asyncio.run(first_then(writer, transactions, ["a", "b", "c"]))

    assert transactions.batches == [["first"], ["a", "b", "c"]]


def test_a_batch_has_a_largest_size(tmp_path, lock, monkeypatch):
    monkeypatch.setattr("caesar.stores.writer._LARGEST_BATCH", 2)
    transactions = SlowTransactions()
    with closing(Writer(tmp_path, transactions, lock)) as writer:
        asyncio.run(first_then(writer, transactions, ["a", "b", "c"]))

    assert transactions.batches == [["first"], ["a", "b"], ["c"]]


def test_a_failed_batch_fails_each_of_its_appends_with_an_error_of_its_own(tmp_path, lock):
    transactions = SlowTransactions(failing=[2])
    with closing(Writer(tmp_path, transactions, lock)) as writer:
        first, a, b = asyncio.run(first_then(writer, transactions, ["a", "b"]))

    assert first == ()
    assert a is not b
    assert [StoreError, StoreError] == [type(a), type(b)]
    assert str(tmp_path) in str(a)


def test_the_writer_goes_on_after_a_failed_batch(tmp_path, lock):
    transactions = SlowTransactions(failing=[1])
    transactions.go.set()
    with closing(Writer(tmp_path, transactions, lock)) as writer:
        (failed,) = asyncio.run(append_all(AppendBy(writer), [Append("a", 0, turns(1))]))
        (written,) = asyncio.run(append_all(AppendBy(writer), [Append("a", 0, turns(1))]))

    assert isinstance(failed, StoreError)
    assert written == ()


def test_an_event_loop_that_was_closed_meanwhile_stops_nobody(tmp_path, lock):
    async def leave(writer):
        writer.submit(Append("gone", 0, turns(1)))

    transactions = SlowTransactions()
    with closing(Writer(tmp_path, transactions, lock)) as writer:
        asyncio.run(leave(writer))
        transactions.go.set()
        (written,) = asyncio.run(append_all(AppendBy(writer), [Append("a", 0, turns(1))]))

    assert written == ()


class AppendBy:
    """A writer as an event log."""

    def __init__(self, writer):
        self._writer = writer

    async def append(self, append):
        return await self._writer.submit(append)
