"""What appending costs: CPU per event, events per second, and the wait of a lone appender.

CPU is that of the whole process, all threads, as the slope between N and 2N events, so that starting
and opening don't count. Beside it stands plain sqlite3 in one thread, writing the same rows in the
same batches to the same disk: neither chained nor compressed, with nobody waiting. The two targets that
compare them are met or missed within one repeat, and the median of the repeats counts, since a disk's
speed changes from minute to minute.
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

from measures import Measure, at_least, at_most, p95, parser, report

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
    waits_s: Sequence[float]
    """How long each append, or each commit of plain SQLite, took."""


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


async def produce(log: SqliteEventLog, appends: Sequence[Append], waits: list[float]) -> None:
    for append in appends:
        start = time.perf_counter()
        await log.append(append)
        waits.append(time.perf_counter() - start)


async def produce_all(log: SqliteEventLog, producers: Sequence[Sequence[Append]], waits: list[float]) -> None:
    await asyncio.gather(*(produce(log, appends, waits) for appends in producers))


def appends_of(count: int) -> list[list[Append]]:
    """What each producer appends, made beforehand: making events is not the log's work."""
    streams = (f"01JD0000000000000000000000/{number}/0" for number in range(PRODUCERS))
    return [[append_of(stream, version) for version in range(count // PRODUCERS)] for stream in streams]


def measured(events: int, work: Callable[[list[float]], object]) -> Cost:
    waits: list[float] = []
    cpu, wall = time.process_time(), time.perf_counter()
    work(waits)
    return Cost(events, time.process_time() - cpu, time.perf_counter() - wall, waits)


def through_the_log(folder: Path, count: int) -> Cost:
    producers = appends_of(count)
    with SqliteEventLog.open(folder / f"{count}.db", clock_us=now_us) as log:
        return measured(count, lambda waits: asyncio.run(produce_all(log, producers, waits)))


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
        return measured(count, lambda waits: [insert(connection, batch, waits) for batch in batches])


def insert(connection: sqlite3.Connection, batch: list[tuple[object, ...]], waits: list[float]) -> None:
    start = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", batch)
    texts = [(row[8], len(TEXT), TEXT.encode()) for row in batch if row[3] == "turn_ended"]
    connection.executemany("INSERT INTO blobs VALUES (?, ?, ?)", texts)
    connection.execute("COMMIT")
    waits.append(time.perf_counter() - start)


def p99_ms(waits_s: Sequence[float]) -> float:
    """The 99th percentile, in milliseconds."""
    return statistics.quantiles(waits_s, n=100, method="inclusive")[-1] * 1000


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
        "rate_share": long.events / long.wall_s / (plain_long.events / plain_long.wall_s),
        "p99": p99_ms(long.waits_s),
        "plain_p99": p99_ms(plain_long.waits_s),
        "p99_ratio": p99_ms(long.waits_s) / p99_ms(plain_long.waits_s),
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
        at_least("event log's share of plain sqlite3's events per second", value["rate_share"], "", target=0.5),
        Measure(f"acknowledged append, p99, {PRODUCERS} producers", value["p99"], "ms"),
        Measure("commit of plain sqlite3, same batches, p99", value["plain_p99"], "ms"),
        at_most("acknowledged append's p99 over plain commit's p99", value["p99_ratio"], "", target=3.0),
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
