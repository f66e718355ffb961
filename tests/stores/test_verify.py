"""Whatever happens to a store behind our back is found, and told with its place."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing

import pytest
from stores.recorded_store import record_run, rows, vandalise

from caesar.stores.blobs import Decompressor
from caesar.stores.verify import audit

SEED = 20251125
TEXTS = ("stream", "kind", "body", "previous", "digest")
NUMBERS = ("seq", "version", "v", "recorded_at_us")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "caesar.db"
    record_run(path)
    return path


@pytest.fixture
def store(sound, tmp_path):
    return shutil.copy(sound, tmp_path / "caesar.db")


def test_a_store_that_nobody_touched_is_sound(store):
    found = audit(store)

    assert found.sound
    assert found.streams == found.reliable
    assert {"RUN", "RUN/1/0", "RUN/1/1", "RUN/2/0", "RUN/2/1"} == set(found.streams)


@pytest.mark.parametrize(
    ("statement", "stream", "version", "why"),
    [
        ("UPDATE events SET body = '{}' WHERE stream = 'RUN/1/0' AND version = 7", "RUN/1/0", 7, "digest"),
        (
            "UPDATE events SET kind = x'ff' || kind WHERE stream = 'RUN/1/0' AND version = 7",
            "RUN/1/0",
            7,
            "text",
        ),
        ("DELETE FROM events WHERE stream = 'RUN/1/0' AND version = 7", "RUN/1/0", 7, "version 7 is missing"),
        ("DELETE FROM events WHERE stream = 'RUN/1/0' AND version > 7", "RUN/1/0", 8, "tail is missing"),
        ("DELETE FROM events WHERE stream = 'RUN/1/0'", "RUN/1/0", 1, "tail is missing"),
        ("DELETE FROM events WHERE stream = 'RUN'", "RUN/1/0", 1, "run's stream is missing"),
    ],
)
def test_a_damaged_stream_is_named_with_its_first_bad_event(store, statement, stream, version, why):
    vandalise(store, statement)

    damage = next(one for one in audit(store).damages if one.stream == stream)

    assert version == damage.version
    assert why in damage.why


def test_the_other_streams_of_a_damaged_store_can_be_relied_on(store):
    vandalise(store, "UPDATE events SET body = '{}' WHERE stream = 'RUN/1/0' AND version = 7")

    found = audit(store)

    assert ["RUN/1/0"] == [one.stream for one in found.damages]
    assert {**found.streams, "RUN/1/0": 6} == found.reliable


@pytest.mark.parametrize(
    ("statement", "what"),
    [("UPDATE blobs SET data = substr(data, 1, 9)", "damaged"), ("DELETE FROM blobs", "missing")],
)
def test_a_text_that_is_damaged_or_missing_is_told_of_the_event_that_names_it(store, statement, what):
    log = "error: as scripted"
    (digest,) = rows(store, f"SELECT digest FROM blobs WHERE size = {len(log)}")[0]
    vandalise(store, f"{statement} WHERE digest = '{digest}'")

    found = audit(store)

    assert {"RUN/1/0", "RUN/1/1", "RUN/2/0", "RUN/2/1"} == {one.stream for one in found.damages}
    assert {f"the text {digest} that it names is {what}"} == {one.why for one in found.damages}
    (completed,) = {
        version
        for (version,) in rows(store, "SELECT version FROM events WHERE kind = 'build_completed' LIMIT 1")
    }
    assert completed == found.damages[0].version


def test_a_damaged_text_that_no_event_names_is_told_too(store):
    vandalise(store, "INSERT INTO blobs VALUES (?, 1, x'00')", ("0" * 64,))

    assert [f"the text {'0' * 64} is damaged; no event names it"] == list(audit(store).loose)


def test_an_event_that_was_cut_off_a_running_trajectory_leaves_a_gap_in_the_stores_numbers(store):
    vandalise(store, "DELETE FROM events WHERE seq = 12")

    assert "the event numbered 12 is missing from the store" in audit(store).loose


def test_a_page_of_one_stream_that_cannot_be_read_is_told_of_that_stream_alone(store, monkeypatch):
    """A failing disk, played by SQLite refusing to read on."""

    class Failing(sqlite3.Connection):
        def execute(self, statement, parameters=()):
            if "FROM events WHERE stream = CAST" in statement and parameters == (b"RUN/1/1",):
                raise sqlite3.DatabaseError("database disk image is malformed")
            return super().execute(statement, parameters)

    def open_failing(path):
        return sqlite3.connect(path, factory=Failing, isolation_level=None)

    monkeypatch.setattr("caesar.stores.verify.open_reader", open_failing)

    (damage,) = audit(store).damages

    assert ("RUN/1/1", 1, True) == (damage.stream, damage.version, "malformed" in damage.why)


def test_what_a_damaged_page_gives_in_a_columns_place_is_told(store):
    vandalise(store, "CREATE TABLE loose AS SELECT * FROM events")
    vandalise(store, "UPDATE loose SET kind = NULL WHERE stream = 'RUN/1/0' AND version = 3")
    vandalise(store, "DROP TABLE events")
    vandalise(store, "ALTER TABLE loose RENAME TO events")

    (damage,) = audit(store).damages

    assert ("RUN/1/0", 3) == (damage.stream, damage.version)
    assert "columns" in damage.why


def test_a_store_is_checked_while_it_is_being_written(store):
    with closing(sqlite3.connect(store, isolation_level=None)) as writing:
        writing.execute("BEGIN IMMEDIATE")

        assert audit(store).sound


def flip_event(path, draw):
    """Flip one bit of one column of one event."""
    column = draw.choice((*TEXTS, *NUMBERS))
    seq, value = draw.choice(
        rows(path, f"SELECT seq, CAST({column} AS BLOB) FROM events ORDER BY stream, version")
    )
    if column in NUMBERS:
        changed = int(value) ^ (1 << draw.randrange(16))
        vandalise(path, f"UPDATE events SET {column} = ? WHERE seq = ?", (changed, seq))
    else:
        vandalise(
            path, f"UPDATE events SET {column} = CAST(? AS TEXT) WHERE seq = ?", (flipped(value, draw), seq)
        )
    return f"{column} of event {seq}"


def flip_blob(path, draw):
    """Flip one bit of a text, of its size or of its name."""
    column = draw.choice(("data", "data", "data", "size", "digest"))
    digest, value, size = draw.choice(
        rows(path, f"SELECT digest, CAST({column} AS BLOB), size FROM blobs ORDER BY digest")
    )
    changed = {
        "data": lambda: harmed(digest, value, size, draw),
        "size": lambda: int(value) ^ (1 << draw.randrange(16)),
        "digest": lambda: flipped(value, draw),
    }[column]()
    cast = "CAST(? AS TEXT)" if column == "digest" else "?"
    vandalise(path, f"UPDATE blobs SET {column} = {cast} WHERE digest = ?", (changed, digest))
    return f"{column} of text {digest}"


def harmed(digest, data, size, draw):
    """A bit of a frame flipped; again where it is a bit without which the text stays what it was."""
    changed = flipped(data, draw)
    return (
        harmed(digest, data, size, draw) if Decompressor().whole(digest, size=size, data=changed) else changed
    )


def flipped(value, draw):
    changed = bytearray(value)
    changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def cut_tail(path, draw):
    """Remove the last events of an ended trajectory."""
    stream, last = draw.choice(
        rows(path, "SELECT stream, max(version) FROM events WHERE stream LIKE '%/%' GROUP BY stream")
    )
    left = draw.randrange(last)
    vandalise(path, "DELETE FROM events WHERE stream = ? AND version > ?", (stream, left))
    return f"tail of {stream} after {left}"


def remove_event(path, draw):
    """Remove any event but the newest of the store, which nothing can tell from one that never happened."""
    (last,) = rows(path, "SELECT max(seq) FROM events")[0]
    seq = draw.randrange(1, last)
    vandalise(path, "DELETE FROM events WHERE seq = ?", (seq,))
    return f"event {seq}"


def injured(path, injure, draw):
    """Injure the store; what SQLite itself would not hold (two events in one place) is drawn again."""
    while True:
        try:
            return injure(path, draw)
        except sqlite3.IntegrityError:
            continue


@pytest.mark.slow
def test_two_hundred_of_two_hundred_injuries_are_found(sound, tmp_path):
    draw = random.Random(SEED)
    injuries = [flip_event] * 80 + [flip_blob] * 60 + [cut_tail] * 30 + [remove_event] * 30
    missed = []
    for number, injure in enumerate(injuries):
        path = shutil.copy(sound, tmp_path / f"{number}.db")
        done = injured(path, injure, draw)
        if audit(path).sound:
            missed.append(done)
        path.unlink()

    assert [] == missed
