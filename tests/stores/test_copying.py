"""Copies hold what their source held, and nothing is edited in place."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from unittest.mock import Mock

import pytest
from contracts.eventlog import NOW_US, turns
from stores.recorded_store import record_run, rows, vandalise

from caesar.errors import StoreError, UsageError
from caesar.ports import Append
from caesar.stores.copying import backup, copy_into, copy_new, keep_only
from caesar.stores.eventlog import SqliteEventLog
from caesar.stores.verify import audit


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "caesar.db"
    record_run(path, samples=1)
    return path


@pytest.fixture
def to(tmp_path):
    return tmp_path / "new" / "copy.db"


def open_log(path, *, read_only=True):
    return SqliteEventLog.open(path, clock_us=lambda: NOW_US, read_only=read_only)


def streams(path):
    """Every stream's events without the store's own numbers, which a copy makes anew."""
    with open_log(path) as log:
        return {
            stream: [(envelope.version, envelope.digest, envelope.body) for envelope in log.read(stream)]
            for stream in log.streams()
        }


def texts(path):
    return rows(path, "SELECT digest, size, data FROM blobs ORDER BY digest")


def test_a_backup_holds_all_that_the_store_held_while_someone_writes_to_it(store, to):
    with open_log(store, read_only=False) as log:
        asyncio.run(log.append(Append("other", 0, turns(1))))
        backup(store, to)
        asyncio.run(log.append(Append("other", 1, turns(2))))

    assert 1 == len(streams(to)["other"])
    assert streams(store) | {"other": streams(to)["other"]} == streams(to)
    assert texts(store) == texts(to)
    assert audit(to).sound


@pytest.mark.parametrize("copying", [backup, lambda store, to: copy_new(store, to, upto={"RUN": 1})])
def test_nothing_is_overwritten(store, to, copying):
    to.parent.mkdir()
    to.write_text("mine")

    with pytest.raises(UsageError, match="nothing is overwritten"):
        copying(store, to)

    assert "mine" == to.read_text()
    assert [to] == list(to.parent.iterdir())


def test_a_copy_of_a_run_has_its_events_and_the_texts_that_they_name(store, to):
    with open_log(store, read_only=False) as log:
        asyncio.run(log.append(Append("other", 0, turns(1), ("a text of nobody's",))))
    upto = {stream: len(events) for stream, events in streams(store).items() if stream != "other"}

    copy_into(store, to, upto=upto)

    assert {name: events for name, events in streams(store).items() if name != "other"} == streams(to)
    assert len(texts(store)) - 1 == len(texts(to))
    assert audit(to).sound


def test_copying_to_a_store_that_has_other_runs_adds_to_it_and_copying_again_adds_nothing(store, to):
    with open_log(to, read_only=False) as log:
        asyncio.run(log.append(Append("other", 0, turns(1))))
    upto = {stream: len(events) for stream, events in streams(store).items()}

    first, again = copy_into(store, to, upto=upto), copy_into(store, to, upto=upto)

    assert streams(store) | {"other": streams(to)["other"]} == streams(to)
    assert (sum(upto.values()), 0) == (first.events, again.events)


def test_a_copy_that_is_behind_is_brought_up_to_its_source(store, to):
    whole = {stream: len(events) for stream, events in streams(store).items()}
    copy_into(store, to, upto={"RUN": 1, "RUN/1/0": 5})

    copy_into(store, to, upto=whole)

    assert streams(store) == streams(to)


def test_another_history_under_the_same_name_is_refused_and_nothing_of_the_copy_stays(store, to):
    with open_log(to, read_only=False) as log:
        asyncio.run(log.append(Append("RUN/1/0", 0, turns(1))))

    with pytest.raises(StoreError, match="both stores have a stream RUN/1/0"):
        copy_into(store, to, upto={"RUN": 1, "RUN/1/0": 5})

    assert ["RUN/1/0"] == list(streams(to))


def test_a_longer_history_under_the_same_name_is_told_from_the_sources(store, to):
    with open_log(to, read_only=False) as log:
        asyncio.run(log.append(Append("RUN/1/0", 0, turns(1, 99))))

    with pytest.raises(StoreError, match="both stores have a stream RUN/1/0"):
        copy_into(store, to, upto={"RUN": 1, "RUN/1/0": 5})


def test_a_copy_that_went_on_by_itself_is_left_as_it_is(store, to):
    whole = {stream: len(events) for stream, events in streams(store).items()}
    copy_into(store, to, upto=whole)
    with open_log(to, read_only=False) as log:
        asyncio.run(log.append(Append("RUN/1/0", whole["RUN/1/0"], turns(9))))

    copied = copy_into(store, to, upto=whole)

    assert (0, whole["RUN/1/0"] + 1) == (copied.events, len(streams(to)["RUN/1/0"]))


def test_a_text_that_is_damaged_is_not_copied(store, to):
    vandalise(store, "UPDATE blobs SET data = x'00'")

    with pytest.raises(StoreError, match="damaged"):
        copy_new(store, to, upto={"RUN": 1})

    assert not to.exists()


def test_where_the_copys_disk_is_full_the_copy_is_named_not_its_source(store, to, monkeypatch):
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode, full.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
    monkeypatch.setattr("caesar.stores.copying._fill", Mock(side_effect=full))

    with pytest.raises(StoreError, match=r"the disk is full at .*copy\.db"):
        copy_new(store, to, upto={"RUN": 1})


def test_a_store_is_exchanged_for_one_that_has_only_what_is_kept(store):
    kept = {"RUN": len(streams(store)["RUN"]), "RUN/1/0": 9}
    before = store.stat().st_ino

    keep_only(store, lambda _: kept)

    assert {"caesar.db", "caesar.db-locks"} == {path.name for path in store.parent.iterdir()}
    assert kept == {stream: len(events) for stream, events in streams(store).items()}
    assert before != store.stat().st_ino


def test_what_is_kept_is_asked_when_nobody_can_write_any_more_and_refusing_it_changes_nothing(store):
    before = streams(store)

    def refuse(log):
        assert before["RUN"] == [(each.version, each.digest, each.body) for each in log.read("RUN")]
        with (
            closing(sqlite3.connect(store, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("DELETE FROM events")
        raise UsageError("not this one")

    with pytest.raises(UsageError, match="not this one"):
        keep_only(store, refuse)

    assert before == streams(store)


def test_a_store_that_someone_has_open_is_not_exchanged(store, monkeypatch):
    monkeypatch.setattr("caesar.stores.schema._BUSY_S", 0.1)
    monkeypatch.setattr("caesar.stores.schema.connect.__kwdefaults__", {"busy_s": 0.1})
    before = streams(store)

    with closing(sqlite3.connect(store)) as reading:
        reading.execute("SELECT count(*) FROM events").fetchone()
        with pytest.raises(StoreError, match="locked by another program"):
            keep_only(store, lambda _: {})

    assert before == streams(store)


def test_whoever_opened_a_store_before_it_was_exchanged_is_refused_when_they_write(store, tmp_path):
    with open_log(store, read_only=False) as log:
        record_run(tmp_path / "another.db", samples=1)
        (tmp_path / "another.db").replace(store)

        with pytest.raises(StoreError, match="another file was put in the place"):
            asyncio.run(log.append(Append("other", 0, turns(1))))
