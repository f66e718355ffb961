"""Many trajectories at once: opens or takes up each member of a run and advances them side by side.

What a trajectory does is in `loop`; how many at once is in `lanes.Lanes`. This module owns the
run's own stream: it resumes or extends the run, and records heads as trajectories end.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from caesar.engine.fork import before, inheritance
from caesar.engine.loop import advance
from caesar.engine.plan import Member, Run
from caesar.engine.world import World, record
from caesar.errors import StoreError
from caesar.events import (
    Envelope,
    Event,
    HeadRecorded,
    RunFinished,
    TrajectoryExtended,
    TrajectoryForked,
    TrajectoryResumed,
)
from caesar.fsm.trajectory import Status, Trajectory, fold
from caesar.ports import Append, EventLog

__all__ = ["RunStream", "Tally", "lost_ends", "require_ends", "run_all"]


@dataclass(frozen=True, slots=True)
class Tally:
    """How a run's trajectories stand when a process leaves it."""

    finished: int
    suspended: int
    running: int

    @property
    def complete(self) -> bool:
        """True where nothing is left to do."""
        return not self.suspended and not self.running


class RunStream:
    """The one writer of a run's own stream in this process; appends are taken in turn."""

    def __init__(self, log: EventLog, run: str, *, version: int) -> None:
        self._log = log
        self._run = run
        self._version = version
        self._appending = asyncio.Lock()

    async def append(self, *events: Event, texts: Iterable[str] = ()) -> tuple[Envelope, ...]:
        """Return once the events are durable at the stream's end."""
        async with self._appending:
            append = Append(self._run, self._version, events, tuple(texts))
            envelopes = await self._log.append(append)
            self._version += len(events)
            return envelopes


async def run_all(world: World, run: Run, members: Iterable[Member], *, stream: RunStream) -> Tally:
    """Take every member as far as it goes; records the heads of ended ones and how the run stands."""
    ahead = iter(members)
    ends = Counter[Status]()
    heads = {head.stream: head for head in run.heads}  # the latest, where a trajectory ended several times

    async def work() -> None:
        for member in ahead:
            ends[await _one(world, run, member, heads=heads, stream=stream)] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(min(world.lanes.trajectories, run.planned)):
            group.create_task(work())
    tally = Tally(ends[Status.FINISHED], ends[Status.SUSPENDED], ends[Status.RUNNING])
    if not tally.running:
        await stream.append(RunFinished(tally.finished, tally.suspended))
    return tally


async def _one(
    world: World, run: Run, member: Member, *, heads: Mapping[str, HeadRecorded], stream: RunStream
) -> Status:
    trajectory = await _taken_up(world, run, member, ended=heads.get(member.stream))
    if trajectory.status is Status.RUNNING and not world.draining.is_set():
        trajectory = await advance(world, trajectory)
    head = HeadRecorded(trajectory.stream, trajectory.version, trajectory.digest)
    if trajectory.status is Status.FINISHED and head != heads.get(member.stream):
        await stream.append(head)
    return trajectory.status


async def _taken_up(world: World, run: Run, member: Member, *, ended: HeadRecorded | None) -> Trajectory:
    envelopes = world.log.read(member.stream)
    if ended is not None and _lacks(envelopes, ended):
        raise _end_lost(ended)
    trajectory = fold(member.stream, envelopes, before=before(world.log.read, member.stream, envelopes))
    if world.draining.is_set():
        return trajectory
    if not envelopes:
        return await _begun(world, trajectory, member)
    if trajectory.status is not Status.FINISHED:
        return await record(world, trajectory, TrajectoryResumed())
    if _has_more_turns(run, trajectory):
        return await record(world, trajectory, TrajectoryExtended(run.turns))
    return trajectory


def require_ends(run: Run, reached: Mapping[str, int]) -> None:
    """StoreError where a trajectory of the run no longer has so many events as it had when it ended."""
    for error in lost_ends(run, reached).values():
        raise error


def lost_ends(run: Run, reached: Mapping[str, int]) -> dict[str, StoreError]:
    """The streams that no longer have the event with which their trajectory ended, and what to say of each."""
    return {head.stream: _end_lost(head) for head in run.heads if reached.get(head.stream, 0) < head.version}


def _end_lost(head: HeadRecorded) -> StoreError:
    """What to raise where a trajectory that ended has lost its end: it would be paid for again."""
    return StoreError(
        f"stream {head.stream} no longer has event {head.version}, with which it ended: `caesar verify`"
        " tells more, `caesar repair` copies what is sound, or restore the store from a copy"
    )


def _lacks(envelopes: Sequence[Envelope], head: HeadRecorded) -> bool:
    return len(envelopes) < head.version or envelopes[head.version - 1].digest != head.digest


async def _begun(world: World, trajectory: Trajectory, member: Member) -> Trajectory:
    opening = member.opening
    if isinstance(opening, TrajectoryForked):
        trajectory = inheritance(world.log.read, member.stream, opening)
    return await record(world, trajectory, opening)


def _has_more_turns(run: Run, trajectory: Trajectory) -> bool:
    over = trajectory.exhausted
    if over is None or over.budget != "turns":
        return False
    return run.turns is None or run.turns > over.limit
