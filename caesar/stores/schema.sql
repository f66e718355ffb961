-- The event store: the events of all streams, and the texts that they name.
-- Nothing is ever changed or removed; the triggers hold for other programs too.
-- Instants are microseconds since the epoch, UTC; sizes are bytes.

CREATE TABLE events (
    seq            INTEGER PRIMARY KEY, -- the store's own numbering; merging stores renumbers it
    stream         TEXT    NOT NULL,    -- a run, or run/problem/sample
    version        INTEGER NOT NULL CHECK (version >= 1), -- from 1, without gaps, within the stream
    kind           TEXT    NOT NULL,
    v              INTEGER NOT NULL,    -- the kind's version
    recorded_at_us INTEGER NOT NULL,
    body           TEXT    NOT NULL,    -- canonical JSON
    previous       TEXT    NOT NULL,    -- the digest of the stream's event before; 64 zeros for the first
    digest         TEXT    NOT NULL,    -- sha256 over previous and every column but seq
    UNIQUE (stream, version)            -- two writers can't both append the same version
) STRICT;

CREATE TABLE blobs (
    digest TEXT    NOT NULL PRIMARY KEY, -- sha256 of the text in UTF-8
    size   INTEGER NOT NULL,             -- of the text in UTF-8
    data   BLOB    NOT NULL              -- the text in UTF-8, one zstd frame
) STRICT;

CREATE TRIGGER events_are_never_updated BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

-- INSERT OR REPLACE removes rows without firing the trigger above.
CREATE TRIGGER events_are_never_replaced BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq)
    OR EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND version = NEW.version)
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

CREATE TRIGGER blobs_are_never_updated BEFORE UPDATE ON blobs
BEGIN
    SELECT RAISE(ABORT, 'blobs are append-only');
END;

CREATE TRIGGER blobs_are_never_deleted BEFORE DELETE ON blobs
BEGIN
    SELECT RAISE(ABORT, 'blobs are append-only');
END;

-- A text that is already there is left as it is, whichever kind of INSERT brought it.
CREATE TRIGGER blobs_are_never_replaced BEFORE INSERT ON blobs
WHEN EXISTS (SELECT 1 FROM blobs WHERE digest = NEW.digest)
BEGIN
    SELECT RAISE(IGNORE);
END;
