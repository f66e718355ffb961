"""What `kills.py` looks at after a pass: the store, the locks, the processes, the temporary folder.

Whether a run is whole is told by the project's own means: the audit of `caesar verify`, `caesar replay`, the
journal of the locks, and a pool that takes every device. Beside them: that each request has one end for each
attempt and one answer, and that what was in the store when the first command ended is there still.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from caesar.cli.look import find_run, open_store
from caesar.cli.replay import ReplayOptions, replay_run
from caesar.devices import journal
from caesar.devices.inventory import inventory
from caesar.devices.journal import What
from caesar.devices.pool import LockedDevicePool
from caesar.devices.processes import Process, marked, this_process
from caesar.domain import Digest, Verdict
from caesar.engine.plan import fold_run
from caesar.errors import Fault, StoreError
from caesar.events import (
    BuildFaulted,
    Envelope,
    EvaluationCompleted,
    EvaluationFaulted,
    Event,
    GenerationFaulted,
    LeaseGranted,
    LeaseReleased,
    TrajectoryFinished,
)
from caesar.stores.verify import audit

__all__ = [
    "CANDIDATE",
    "NAME",
    "NOBODY",
    "Count",
    "Pass",
    "children",
    "descendants",
    "has_ended",
    "heads",
    "isolations",
    "look_at_all",
    "process_of",
    "run_id",
    "wait_for_quiet",
]

NAME = "kills"
"""The run's."""
NOBODY = "nobody"
CANDIDATE = "candidate"
"""The part whose own process may be said to have been ended by the signal that ended it."""
QUIET_LOOKS, HAD_S = 100, 20.0
"""How often something of the run may be there after its end, and how long having every device may take."""

Heads = Mapping[str, tuple[int, Digest]]
"""The number of each stream's last event, and its digest."""


@dataclass
class Count:
    """What went wrong in all passes together."""

    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    resumed: int = 0
    """Commands after a run's first."""
    crashed: int = 0
    """Candidates said to have crashed whose own process was killed."""
    wrong: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    lost_events: list[str] = field(default_factory=list)
    lost_devices: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    pass_s: list[float] = field(default_factory=list)

    @property
    def hits(self) -> int:
        """How many kills met somebody."""
        return sum(self.kills.values()) - self.kills[NOBODY]

    @property
    def failures(self) -> Mapping[str, Sequence[str]]:
        """What there is to be none of."""
        return {
            "wrong verdicts": self.wrong,
            "unfinished trajectories": self.unfinished,
            "lost or doubled events": self.lost_events,
            "lost devices": self.lost_devices,
            "orphans": self.orphans,
        }


@dataclass
class Pass:
    """One run in a folder of its own, and what was done to it."""

    folder: Path
    slots: int
    verdicts: tuple[Verdict, ...]
    """What becomes of each trajectory's candidates, turn by turn."""
    trajectories: int
    isolation: str | None = None
    """How far the candidates of a run that nobody kills are shut in; None where that is not known yet."""
    victim: str = NOBODY
    commands: list[Process] = field(default_factory=list)
    """The supervisors, in turn."""
    before: Heads = field(default_factory=dict)
    """The store's streams as the first command left them."""

    @property
    def store(self) -> Path:
        """Its event store."""
        return self.folder / "caesar.db"

    @property
    def locks(self) -> Path:
        """Where the devices' locks and their journal lie."""
        return self.folder / "locks"

    @property
    def scratch(self) -> Path:
        """The run's temporary folder."""
        return self.folder / "tmp"


def look_at_all(one: Pass, count: Count) -> None:
    """Everything there is to look at after a pass."""
    look_at_store(one, count)
    asyncio.run(look_at_devices(one, count))
    if left := wait_for_quiet(one):
        count.orphans.append(f"{one.victim}: {left}")


def look_at_store(one: Pass, count: Count) -> None:
    """Whether the run is over, its events are whole, and its verdicts right."""
    run = run_id(one.store)
    if run is None:
        count.unfinished.append(f"{one.victim}: there is no run")
        return
    found = audit(one.store)
    count.lost_events += [f"{one.victim}: {told}" for told in (*found.loose, *map(str, found.damages))]
    if not found.sound:
        return
    with open_store(one.store) as log:
        over = fold_run(log.read(run)).finished
        told = {stream: log.read(stream) for stream in log.streams()}
    count.lost_events += [f"{one.victim}: {what}" for what in gone(one.before, told)]
    told.pop(run)
    finished = sum(isinstance(history[-1].event, TrajectoryFinished) for history in told.values())
    if not over or finished != one.trajectories or len(told) != one.trajectories:
        count.unfinished.append(f"{one.victim}: {finished} of {one.trajectories}, run over: {over}")
    for stream, history in told.items():
        look_at_trajectory(stream, [envelope.event for envelope in history], one, count)
    count.lost_events += [f"{one.victim}: {what}" for what in diverged(one.store)]


def run_id(store: Path) -> str | None:
    """The run's id; None where the store has none, or is none yet."""
    try:
        if store.exists():
            with open_store(store) as log:
                return find_run(log, NAME)
    except StoreError as error:
        if "has nothing to read yet" not in str(error):
            raise
    return None


def heads(store: Path) -> Heads:
    """How far each stream of a store goes that has any."""
    if run_id(store) is None:
        return {}
    with open_store(store) as log:
        return {stream: (version, digest) for stream, version, digest in log.heads()}


def gone(before: Heads, told: Mapping[str, Sequence[Envelope]]) -> Iterator[str]:
    """The streams that no longer begin as they did."""
    for stream, (version, digest) in before.items():
        history = told.get(stream, ())
        if len(history) < version or history[version - 1].digest != digest:
            yield f"{stream}: its first {version} events are not what they were"


def diverged(store: Path) -> Iterator[str]:
    """Where the recorded outcomes, folded anew, give other events."""
    replayed, damaged = replay_run(ReplayOptions(store, NAME, pinned=True))
    yield from damaged
    for one in replayed:
        if one.divergence is not None:
            yield f"{one.stream}: event {one.divergence.version} is not what replay gives"


def look_at_trajectory(stream: str, events: Sequence[Event], one: Pass, count: Count) -> None:
    """Whether each request of a trajectory has its ends and its answer, and each answer is right."""
    count.lost_events += [f"{one.victim}: {stream}: {what}" for what in unbalanced(events)]
    faulted = (
        event for event in events if isinstance(event, GenerationFaulted | BuildFaulted | EvaluationFaulted)
    )
    count.faults.update(event.fault for event in faulted)
    answers = [event for event in events if isinstance(event, EvaluationCompleted)]
    if len({answer.request for answer in answers}) != len(answers):
        count.lost_events.append(f"{one.victim}: {stream}: a request with two answers")
    if len(answers) != len(one.verdicts):
        count.lost_events.append(
            f"{one.victim}: {stream}: {len(answers)} answers to {len(one.verdicts)} requests"
        )
    for answer, verdict in zip(answers, one.verdicts, strict=False):
        told = answer.evaluation
        if told.verdict is not verdict:
            if one.victim == CANDIDATE and (told.verdict, told.reason) == (Verdict.CRASHED, "signal:9"):
                count.crashed += 1
            else:
                count.wrong.append(f"{one.victim} killed: {told.verdict} {told.reason}, not {verdict}")
        if one.isolation not in {None, told.environment.isolation}:
            count.wrong.append(f"{one.victim} killed: judged in {told.environment.isolation}")


def unbalanced(events: Sequence[Event]) -> Iterator[str]:
    """The requests and leases of a trajectory that have no end, or more than one."""
    asked = Counter(attempt(event) for event in events if event.kind.endswith("_requested"))
    ended = Counter(attempt(event) for event in events if event.kind.endswith(("_completed", "_faulted")))
    if asked != ended or set(asked.values()) != {1}:
        yield f"{asked - ended} without an end, {ended - asked} without a request"
    granted = Counter((event.device, event.token) for event in events if isinstance(event, LeaseGranted))
    released = Counter((event.device, event.token) for event in events if isinstance(event, LeaseReleased))
    if granted != released:
        yield f"{granted - released} not given back, {released - granted} not granted"


def attempt(event: Event) -> tuple[str, str, int]:
    """What kind of work an event belongs to, which request, and which try at it."""
    return event.kind.partition("_")[0], event.request, event.attempt  # type: ignore[union-attr] # asked of such only


def isolations(store: Path) -> set[str]:
    """How far the candidates of a run were shut in."""
    with open_store(store) as log:
        events = [envelope.event for stream in log.streams() for envelope in log.read(stream)]
    return {one.evaluation.environment.isolation for one in events if isinstance(one, EvaluationCompleted)}


async def look_at_devices(one: Pass, count: Count) -> None:
    """Whether every device can be had, and the journal then has one end for each grant."""
    devices = inventory(environ={"CUDA_VISIBLE_DEVICES": ""}, cpu_slots=one.slots)
    try:
        async with LockedDevicePool(devices, folder=one.locks, deadline_s=HAD_S) as pool:
            for grant in [await pool.acquire("look around") for _ in devices]:
                await pool.release(grant)
    except Fault as fault:
        count.lost_devices.append(f"{one.victim}: {fault}")
        return
    lines = tuple(journal.entries(one.locks))
    granted = Counter((line.device, line.token) for line in lines if line.what is What.GRANT)
    ended = Counter((line.device, line.token) for line in lines if line.what in {What.RELEASE, What.RECLAIM})
    if granted != ended or set(granted.values()) != {1}:
        count.lost_devices.append(f"{one.victim}: {granted - ended} not ended, {ended - granted} not granted")
    if any(line.what is What.QUARANTINE for line in lines):
        count.lost_devices.append(f"{one.victim}: a device in quarantine")


def wait_for_quiet(one: Pass, *, files: bool = True) -> str:
    """What is left of a run some seconds after its command: processes, and files unless they are to be left.

    A killed supervisor's files are removed by the next command.
    """
    processes, names = set[int](), list[str]()
    for _ in range(QUIET_LOOKS):  # not a deadline: who has no processor has none to end with either
        processes = everyone(one)
        names = sorted(path.name for path in one.scratch.iterdir()) if files else []
        if not processes and not names:
            return ""
        time.sleep(0.05)
    return f"processes {processes}, files {names}"


def everyone(one: Pass) -> set[int]:
    """Whatever was started by the run's commands, in this process's tree or out of it."""
    holders = (this_process(), *one.commands)
    return {*descendants(os.getpid()), *(pid for holder in holders for pid in marked(holder))} - {os.getpid()}


def process_of(pid: int) -> Process:
    """A child of this process that nobody has waited for yet."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return replace(this_process(), pid=pid, start_time=int(stat[19]))


def descendants(of: int) -> list[int]:
    """Every living process below one."""
    return [pid for child in children(of) for pid in (child, *descendants(child))]


def children(of: int) -> list[int]:
    """A process's children that have not ended, zombies left out."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{of}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return [pid for pid in found if not has_ended(pid)]


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
