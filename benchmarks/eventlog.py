"""What appending costs: CPU per event, events per second, and the wait of a lone appender.

CPU is that of the whole process, all threads, as the slope between N and 2N events, so that starting
and opening don't count. Beside it stands plain sqlite3 in one thread, writing the same rows in the
same batches to the same disk: neither chained nor compressed, with nobody waiting.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from measures import Measure, at_most, p95, parser, report

from caesar.domain import digest_of
from caesar.events import Event, GenerationRequested, PromptPart, StateEntered, TurnBegun, TurnEnded
from caesar.ports import Append
from caesar.stores.eventlog import SqliteEventLog
from caesar.stores.schema import MIGRATIONS

PRODUCERS = 200
ROUND_TRIPS = 200
"""How often the lone appender appends."""
TEXT = "error: identifier is undefined\n    float value = input[blockIdx.x * blockDim.x + threadIdx.x];\n" * 5


@dataclass(frozen=True, slots=True)
class Cost:
    """What writing so many events took."""

    events: int
    cpu_s: float
    wall_s: float


def now_us() -> int:
    return time.time_ns() // 1000


def append_of(stream: str, version: int) -> Append:
    """One event; every fourth comes with a text of some 500 bytes that is not in the store yet."""
    turn = version // 4 + 1
    text = f"{stream} {version}\n{TEXT}"
    events: tuple[Event, ...] = (
        TurnBegun(turn),
        StateEntered("generate", "turn", "begun"),
        GenerationRequested(
            f"{stream}:{turn}.0:generate", 1, turn, "model", (PromptPart("user", ("0" * 64,) * 3),), 0
        ),
        TurnEnded(turn, "passed", digest_of(text)),
    )
    return Append(stream, version, (events[version % 4],), (text,) if version % 4 == 3 else ())


async def produce(log: SqliteEventLog, stream: str, count: int) -> None:
    for version in range(count):
        await log.append(append_of(stream, version))


async def produce_all(log: SqliteEventLog, count: int) -> None:
    await asyncio.gather(
        *(
            produce(log, f"01JD0000000000000000000000/{number}/0", count // PRODUCERS)
            for number in range(PRODUCERS)
        )
    )


def measured(events: int, work: Callable[[], object]) -> Cost:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Cost(events, time.process_time() - cpu, time.perf_counter() - wall)


def through_the_log(folder: Path, count: int) -> Cost:
    with SqliteEventLog.open(folder / f"{count}.db", clock_us=now_us) as log:
        return measured(count, lambda: asyncio.run(produce_all(log, count)))


def batches_of(store: Path) -> tuple[list[tuple[object, ...]], ...]:
    """The rows of each commit: they share their instant."""
    with closing(sqlite3.connect(store)) as connection:
        rows = connection.execute("SELECT * FROM events ORDER BY seq").fetchall()
    return tuple(list(rows) for _, rows in groupby(rows, key=itemgetter(5)))


def through_plain_sqlite(folder: Path, batches: Sequence[list[tuple[object, ...]]]) -> Cost:
    count = sum(map(len, batches))
    with closing(sqlite3.connect(folder / f"plain-{count}.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(MIGRATIONS[0].statements)
        return measured(count, lambda: [insert(connection, batch) for batch in batches])


def insert(connection: sqlite3.Connection, batch: list[tuple[object, ...]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", batch)
    texts = [(row[8], len(TEXT), TEXT.encode()) for row in batch if row[3] == "turn_ended"]
    connection.executemany("INSERT INTO blobs VALUES (?, ?, ?)", texts)
    connection.execute("COMMIT")


def waits_ms(folder: Path) -> list[float]:
    """How long each append of a lone appender takes."""

    async def one_after_another(log: SqliteEventLog) -> list[float]:
        waits = []
        for version in range(ROUND_TRIPS):
            start = time.perf_counter()
            await log.append(append_of("run/1/0", version))
            waits.append((time.perf_counter() - start) * 1000)
        return waits

    with SqliteEventLog.open(folder / "alone.db", clock_us=now_us) as log:
        return asyncio.run(one_after_another(log))


def slope_us(short: Cost, long: Cost) -> float:
    return (long.cpu_s - short.cpu_s) / (long.events - short.events) * 1e6


def measure_once(folder: Path, count: int) -> dict[str, float]:
    short, long = through_the_log(folder, count), through_the_log(folder, 2 * count)
    batches = batches_of(folder / f"{2 * count}.db")
    plain_short = through_plain_sqlite(folder, batches_of(folder / f"{count}.db"))
    plain_long = through_plain_sqlite(folder, batches)
    waits = waits_ms(folder)
    return {
        "cpu": slope_us(short, long),
        "plain_cpu": slope_us(plain_short, plain_long),
        "rate": long.events / long.wall_s,
        "plain_rate": plain_long.events / plain_long.wall_s,
        "batch": statistics.mean(map(len, batches)),
        "median": statistics.median(waits),
        "p95": p95(waits),
    }


def measure(folder: Path, count: int, repeats: int) -> tuple[Measure, ...]:
    """The median of the repeats, each in a folder of its own."""
    taken = []
    for repeat in range(repeats):
        place = folder / str(repeat)
        place.mkdir()
        taken.append(measure_once(place, count))
        shutil.rmtree(place)
    value = {name: round(statistics.median(one[name] for one in taken), 2) for name in taken[0]}
    return (
        at_most("CPU per event, event log", value["cpu"], "us", target=60.0),
        Measure("CPU per event, plain sqlite3", value["plain_cpu"], "us"),
        Measure(f"events per second, event log, {PRODUCERS} producers", value["rate"], "1/s"),
        Measure("events per second, plain sqlite3, same batches", value["plain_rate"], "1/s"),
        Measure("events per commit", value["batch"], "events"),
        Measure("append of a lone producer, median", value["median"], "ms"),
        Measure("append of a lone producer, p95", value["p95"], "ms"),
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--events", type=int, default=10_000, help=f"N, a multiple of {PRODUCERS}")
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument(
        "--folder", type=Path, help="where to put the stores: a folder on the disk in question"
    )
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        measures = measure(Path(folder), given.events, given.repeats)
    report(measures, as_json=given.json)


if __name__ == "__main__":
    main()
