"""Forks: trajectories that go on from another one's turn, under another strategy, model or seed.

A fork is a run of its own. Its trajectories hold no copy of the turns that they share: their first
event names the parent's stream and the event that ended the last shared turn, and whoever folds one
reads that prefix. Nothing here acts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from caesar.domain import Digest, stream_of
from caesar.engine.plan import Run
from caesar.errors import StoreError, UsageError
from caesar.events import Envelope, ForkOrigin, TrajectoryForked, TurnEnded
from caesar.fsm.trajectory import Trajectory, fold, inherited

__all__ = ["Read", "Shared", "before", "fork_at", "inheritance", "lineage", "origins", "read_trajectory"]


class Read(Protocol):
    """An event log's `read`."""

    def __call__(self, stream: str, *, upto: int | None = None) -> Sequence[Envelope]:
        """A stream's events in order, at most `upto` of them."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The end of the last turn that a fork shares, as the log has it."""

    stream: str
    version: int
    digest: Digest
    turn: int

    def origin(self, problem: str, sample: int) -> ForkOrigin:
        """Where the fork that is this sample of its run begins."""
        return ForkOrigin(problem, sample, self.stream, self.version, self.digest, self.turn)


def read_trajectory(read: Read, stream: str) -> Trajectory:
    """The state of a trajectory after all its events, a fork's parents read as far as they are shared."""
    envelopes = read(stream)
    return fold(stream, envelopes, before=before(read, stream, envelopes))


def before(read: Read, stream: str, envelopes: Sequence[Envelope]) -> Trajectory | None:
    """What the stream's events are folded onto: a fork's inheritance, None for any other trajectory.

    StoreError where the parent no longer has what the fork was chained to.
    """
    event = envelopes[0].event if envelopes else None
    if not isinstance(event, TrajectoryForked):
        return None
    return inheritance(read, stream, event)


def inheritance(read: Read, stream: str, forked: TrajectoryForked) -> Trajectory:
    """What a fork begins with; StoreError where the parent no longer has what it was chained to."""
    prefix = read(forked.parent, upto=forked.version)
    if len(prefix) != forked.version or prefix[-1].digest != forked.digest:
        raise StoreError(
            f"trajectory {stream} continues {forked.parent} after its event {forked.version}, which is not in"
            " this store: copy the parent's run into it"
        )
    return inherited(fold(forked.parent, prefix, before=before(read, forked.parent, prefix)), stream)


def lineage(read: Read, stream: str) -> tuple[Envelope, ...]:
    """The events of a trajectory's turns, a fork's shared ones first, as its ancestors' streams hold them."""
    return _lineage(read, stream, upto=None)


def _lineage(read: Read, stream: str, *, upto: int | None) -> tuple[Envelope, ...]:
    envelopes = read(stream, upto=upto)
    first = envelopes[0].event if envelopes else None
    if not isinstance(first, TrajectoryForked):
        return tuple(envelopes)
    return (*_lineage(read, first.parent, upto=first.version), *envelopes)


def fork_at(read: Read, stream: str, *, turn: int) -> Shared:
    """The end of a trajectory's turn, which an ancestor's stream holds where the turn is itself shared.

    UsageError where the turn has not ended.
    """
    found = _end_of(read, stream, turn=turn, upto=None)
    if found is None:
        _, problem, sample = stream.split("/")
        raise UsageError(
            f"problem {problem}, sample {sample} has not ended turn {turn} in that run; `caesar show` lists its"
            " turns"
        )
    return found


def origins(
    read: Read, run: Run, trajectories: Iterable[tuple[str, int]], *, turn: int, samples: int
) -> tuple[ForkOrigin, ...]:
    """Where forks of trajectories (problem, sample) of a run begin: so many samples of each.

    A parent's sample s is continued as samples s * samples, s * samples + 1 and so on. Trajectories that
    did not end the turn are left out.
    """
    return tuple(
        shared.origin(problem, sample * samples + number)
        for problem, sample in trajectories
        if (shared := _end_of(read, stream_of(run.id, problem, sample), turn=turn, upto=None)) is not None
        for number in range(samples)
    )


def _end_of(read: Read, stream: str, *, turn: int, upto: int | None) -> Shared | None:
    envelopes = read(stream, upto=upto)
    first = envelopes[0].event if envelopes else None
    if isinstance(first, TrajectoryForked) and turn <= first.turn:
        return _end_of(read, first.parent, turn=turn, upto=first.version)
    ends = (envelope for envelope in envelopes if envelope.kind == TurnEnded.kind and _turn(envelope) == turn)
    return next((Shared(stream, envelope.version, envelope.digest, turn) for envelope in ends), None)


def _turn(envelope: Envelope) -> int | None:
    event = envelope.event
    return event.turn if isinstance(event, TurnEnded) else None
