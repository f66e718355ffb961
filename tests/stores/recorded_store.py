"""A store with a whole run in it, made by the engine with fakes all around."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from engine.worlds import Setup, completion

from caesar.stores.eventlog import SqliteEventLog

COMPLETIONS = (completion("build_failed"), completion("crashed"), completion("passed"))


def record_run(path: Path, *, samples: int = 2, device_name: str | None = "a device") -> None:
    """Two problems, so many samples each, three turns: with texts of every kind."""
    setup = Setup(completions=COMPLETIONS, device_name=device_name)
    setup.spec = replace(setup.spec, samples=samples)
    with SqliteEventLog.open(path, clock_us=setup.clock.now_us) as log:
        setup.log = log
        setup.run()


def vandalise(path: Path, statement: str, parameters: tuple[object, ...] = ()) -> None:
    """Change a store behind its triggers, as a failing disk would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement, parameters)


def rows(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()
