"""What is loaded, and that nothing else can be reached."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pyarrow as pa
import pytest
from written_log import RUN, WrittenLog, incorrect, passed

from caesar.errors import StoreError, UsageError
from caesar.ports import Append
from caesar.reports.database import connect, refusals
from caesar.reports.log_json import export
from caesar.reports.query import run_query
from caesar.stores.eventlog import SqliteEventLog
from caesar.stores.relations import event_batches, text_batches


def whole_log() -> WrittenLog:
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.judged(1, incorrect())
    trajectory.judged(2, passed(1.0))
    trajectory.finish(2, "passed")
    return log


def test_only_texts_that_the_events_name_are_asked_for():
    log = whole_log()
    asked: list[str] = []
    unnamed = log.text("nobody names this")

    def texts(digests):
        asked.extend(digests)
        return log.texts(digests)

    connect(log.events, texts).close()

    assert sorted(asked) == asked
    assert unnamed not in asked
    assert set(log.known) == {*asked, unnamed}


def test_what_the_store_says_of_a_damaged_text_is_passed_on():
    log = whole_log()

    def batches(digests):
        yield from log.texts(digests)
        raise StoreError("the text abc is damaged; restore the store from a copy")

    def texts(digests):
        return pa.RecordBatchReader.from_batches(log.texts(digests).schema, batches(digests))

    with pytest.raises(StoreError, match=r"^the text abc is damaged; restore the store from a copy$"):
        connect(log.events, texts)


def test_what_duckdb_refuses_becomes_one_sentence():
    connection = whole_log().connect()

    with (
        pytest.raises(UsageError, match=r"^this can't be: Parser Error: [^\n]+$"),
        refusals("this can't be", raised=UsageError),
    ):
        connection.execute("SELECT FROM WHERE")


def test_a_log_kept_in_a_store_is_reported_as_one_in_memory(tmp_path):
    log = whole_log()
    store = tmp_path / "caesar.db"
    kept_in(store, log)

    connection = connect(lambda: event_batches(store, [RUN]), lambda digests: text_batches(store, digests))

    in_memory = log.connect()
    assert run_query(in_memory, "speedup") == run_query(connection, "speedup")
    assert export(in_memory, root=tmp_path / "a", run=RUN)[1].read_bytes() == (
        export(connection, root=tmp_path / "b", run="demo")[1].read_bytes()
    )


def kept_in(store: Path, log: WrittenLog) -> None:
    async def write() -> None:
        with SqliteEventLog.open(store, clock_us=lambda: 1) as kept:
            for stream in log.heads:
                events = tuple(each.event for each in log.envelopes if each.stream == stream)
                await kept.append(Append(stream, 0, events, tuple(log.known.values())))

    asyncio.run(write())
