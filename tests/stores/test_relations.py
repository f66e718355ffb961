import asyncio
import hashlib
import sqlite3
import subprocess
import sys
from contextlib import closing

import duckdb
import pytest
from contracts.eventlog import NOW_US, turns
from stores.recorded_store import vandalise

from caesar import events
from caesar.domain import digest_of
from caesar.errors import StoreError
from caesar.events import TurnBegun, TurnEnded
from caesar.ports import Append
from caesar.stores.eventlog import SqliteEventLog
from caesar.stores.relations import digests_named, event_batches, text_batches

STREAMS = ("R1", "R1/1/0", "R12", "R2", "R1/2/0", "R12/1/0", "R1-/1/0", "R10")


async def fill(log):
    for stream in STREAMS:
        ended = TurnEnded(1, None, digest_of(f"of {stream}"))
        await log.append(Append(stream, 0, (*turns(1), ended), (f"of {stream}", f"unnamed by {stream}")))


@pytest.fixture
def log(store):
    with SqliteEventLog.open(store, clock_us=lambda: NOW_US) as log:
        asyncio.run(fill(log))
        yield log


def rows(stream):
    return [tuple(row.values()) for row in stream.read_all().to_pylist()]


def test_events_are_a_relation_of_fixed_columns(log, store):
    with duckdb.connect() as connection:
        connection.register("events", event_batches(store))
        columns = {name: kind for name, kind, *_ in connection.sql("DESCRIBE events").fetchall()}

    assert columns == {
        "seq": "BIGINT",
        "stream": "VARCHAR",
        "version": "BIGINT",
        "kind": "VARCHAR",
        "v": "BIGINT",
        "recorded_at_us": "BIGINT",
        "body": "VARCHAR",
    }


def test_duckdb_reads_bodies_as_json_next_to_their_texts(log, store):
    with duckdb.connect() as connection:
        connection.register("events", event_batches(store))
        connection.register("texts", text_batches(store))
        query = "SELECT text FROM events JOIN texts ON body->>'feedback' = digest ORDER BY seq"

        assert [f"of {stream}" for stream in STREAMS] == [text for (text,) in connection.sql(query).fetchall()]


def test_all_events_come_by_seq(log, store):
    envelopes = sorted((e for stream in STREAMS for e in log.read(stream)), key=lambda envelope: envelope.seq)

    assert rows(event_batches(store)) == [
        (e.seq, e.stream, e.version, e.kind, e.v, e.recorded_at_us, e.body.decode()) for e in envelopes
    ]


@pytest.mark.parametrize(("runs", "streams"), [
    (["R1"], ["R1", "R1/1/0", "R1/2/0"]),
    (["R2", "R12"], ["R12", "R2", "R12/1/0"]),
    (["R1", "R1"], ["R1", "R1/1/0", "R1/2/0"]),
    (["R"], []),
    ([], []),
])  # fmt: skip
def test_runs_choose_their_own_streams_and_their_trajectories(log, store, runs, streams):
    chosen = rows(event_batches(store, runs))

    assert streams == list(dict.fromkeys(stream for _, stream, *_ in chosen))
    assert sorted(chosen) == chosen


def test_all_texts_come_by_digest(log, store):
    texts = [text for stream in STREAMS for text in (f"of {stream}", f"unnamed by {stream}")]

    assert sorted((digest_of(text), text) for text in texts) == rows(text_batches(store))


def test_digests_choose_their_texts_and_strange_ones_none(log, store):
    assert [(digest_of("of R2"), "of R2")] == rows(text_batches(store, [digest_of("of R2"), "0" * 64, "?"]))


def test_the_digests_that_runs_name_are_found_in_their_events(log, store):
    expected = sorted(digest_of(f"of {stream}") for stream in ("R2", "R12", "R12/1/0"))

    assert tuple(expected) == digests_named(store, ["R2", "R12"])


def test_large_relations_come_in_several_batches(log, store, monkeypatch):
    whole = rows(event_batches(store))
    monkeypatch.setattr("caesar.stores.relations._ROWS", 5)

    batches = list(event_batches(store))

    assert [batch.num_rows for batch in batches] == [5, 5, 5, 1]
    assert whole == [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


def test_large_texts_come_in_batches_of_their_own(log, store, monkeypatch):
    monkeypatch.setattr("caesar.stores.relations._CHARACTERS", 1)

    assert {1} == {batch.num_rows for batch in text_batches(store)}


def test_an_empty_store_has_both_relations(store):
    SqliteEventLog.open(store, clock_us=lambda: NOW_US).close()

    assert rows(event_batches(store)) == []
    assert rows(text_batches(store)) == []


def test_a_relation_shows_the_store_as_it_was_when_asked_for(log, store):
    relation = event_batches(store)
    asyncio.run(log.append(Append("R3", 0, turns(1))))

    assert 2 * len(STREAMS) == len(rows(relation))


def test_a_damaged_text_stops_the_reading(log, store):
    log.close()
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("DROP TRIGGER blobs_are_never_updated")
        connection.execute("UPDATE blobs SET data = x'00' WHERE digest = ?", (digest_of("of R2"),))

    with pytest.raises(StoreError, match=f"the text {hashlib.sha256(b'of R2').hexdigest()} is damaged"):
        text_batches(store).read_all()


@pytest.mark.parametrize("relation", [event_batches, text_batches])
def test_what_is_no_store_is_refused_when_asked_for(tmp_path, relation):
    (tmp_path / "notes.txt").write_text("notes")

    with pytest.raises(StoreError, match="is not an event store"):
        relation(tmp_path / "notes.txt")


@pytest.mark.slow
def test_opening_a_store_does_not_import_pyarrow():
    program = "import sys, caesar.stores.eventlog, caesar.stores.relations; sys.exit('pyarrow' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_stream_that_is_named_is_left_out(store):
    fill_two_runs = [Append(name, 0, turns(1)) for name in ("a", "a/1/0", "b")]
    with SqliteEventLog.open(store, clock_us=lambda: NOW_US) as log:
        for append in fill_two_runs:
            asyncio.run(log.append(append))

    batches = event_batches(store, without=("a/1/0",))

    assert ["a", "b"] == [name for batch in batches for name in batch.column("stream").to_pylist()]


def test_events_of_an_older_version_arrive_as_the_newest(store, monkeypatch):
    with SqliteEventLog.open(store, clock_us=lambda: NOW_US) as log:
        asyncio.run(log.append(Append("a", 0, turns(1))))
    monkeypatch.setattr(TurnBegun, "v", 2)
    monkeypatch.setitem(events._UPCASTS, ("turn_begun", 1), lambda body: {"turn": body["turn"] + 10})

    rows = [row for batch in event_batches(store) for row in batch.to_pylist()]

    assert [("turn_begun", 2, '{"turn":11}')] == [(row["kind"], row["v"], row["body"]) for row in rows]


def test_a_damaged_text_is_left_out_where_someone_wants_to_be_told_of_it(store):
    with SqliteEventLog.open(store, clock_us=lambda: NOW_US) as log:
        asyncio.run(log.append(Append("a", 0, turns(1), ("one", "two"))))
    vandalise(store, "UPDATE blobs SET data = x'00' WHERE digest = ?", (digest_of("one"),))
    told = []

    texts = [
        text for batch in text_batches(store, damaged=told.append) for text in batch.column("text").to_pylist()
    ]

    assert ["two"] == texts
    assert [digest_of("one") in str(error) for error in told] == [True]
