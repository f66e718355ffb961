"""A trajectory's state, folded from its events: everything deciding needs, and nothing else.

`evolve` is total over the events of a trajectory's stream and never fails on one that `decide`
led to; events of other streams are refused. Texts stay outside: turns hold digests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from caesar.domain import KERNELS, Digest, Evaluation, Outcome, Usage
from caesar.errors import StoreError
from caesar.events import (
    GENESIS,
    BudgetExhausted,
    BuildCompleted,
    BuildFaulted,
    BuildRequested,
    Envelope,
    EvaluationCompleted,
    EvaluationFaulted,
    EvaluationRecalled,
    EvaluationRequested,
    Event,
    GenerationCompleted,
    GenerationFaulted,
    GenerationRequested,
    LeaseGranted,
    LeaseReleased,
    StateEntered,
    TrajectoryExtended,
    TrajectoryFinished,
    TrajectoryForked,
    TrajectoryResumed,
    TrajectoryStarted,
    TrajectorySuspended,
    TurnBegun,
    TurnEnded,
)

__all__ = ["Failed", "Open", "Status", "Trajectory", "Turn", "evolve", "fold", "inherited"]

_Requested = GenerationRequested | BuildRequested | EvaluationRequested
_Completed = GenerationCompleted | BuildCompleted | EvaluationCompleted
_Faulted = GenerationFaulted | BuildFaulted | EvaluationFaulted


class Status(StrEnum):
    """Whether a trajectory can go on by itself."""

    RUNNING = "running"
    FINISHED = "finished"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Open:
    """A request that was recorded and not yet answered."""

    action: str
    request: str
    attempt: int


class Failed(msgspec.Struct, frozen=True):
    """The last attempt at a request was a fault."""

    request: str
    attempt: int
    fault: str
    message: str
    retry_at_us: int | None
    """When to try again; None for never."""


class Turn(msgspec.Struct, frozen=True):
    """One generate-to-feedback cycle, as far as it went."""

    number: int
    completion: Digest | None = None
    candidate: Digest | None = None
    build: BuildCompleted | None = None
    evaluation: Evaluation | None = None
    outcome: str | None = None
    """no_code, build_failed, build_timed_out or the verdict; None until decided."""
    feedback: Digest | None = None
    """Set once the turn has ended."""


class Trajectory(msgspec.Struct, frozen=True):
    """What has happened so far, as deciding sees it.

    A struct and no dataclass, as are `Turn` and `Failed`: folding copies it twice an event, and takes a
    fifteenth of the time so.
    """

    stream: str
    version: int = 0
    digest: Digest = GENESIS
    """Of the last event: where the stream stands."""
    status: Status = Status.RUNNING
    problem: str = ""
    sample: int = 0
    seed: int = 0
    state: str | None = None
    outcome: Outcome | None = None
    """What the current state's action came to; None while it is still to be done."""
    turns: tuple[Turn, ...] = ()
    open: Open | None = None
    failed: Failed | None = None
    tries: int = 0
    """Attempts at the current request since the trajectory was last taken up."""
    usage: Usage = Usage()
    device_s: float = 0.0
    lease: LeaseGranted | None = None
    active_us: int = 0
    """Time between events, the time between processes excluded."""
    last_us: int | None = None
    """When the last event was recorded."""
    exhausted: BudgetExhausted | None = None
    exhausted_in: str | None = None
    """The state whose turn the budget did not allow; an extended trajectory goes on there."""
    shared: int = 0
    """How many of the turns are another trajectory's, where this one is its fork."""

    @property
    def turn(self) -> Turn | None:
        """The current turn; None before the first."""
        return self.turns[-1] if self.turns else None

    @property
    def current(self) -> Turn:
        """The current turn, where the machine's checks guarantee that there is one."""
        return self.turns[-1]


def inherited(prefix: Trajectory, stream: str) -> Trajectory:
    """What a fork has of the trajectory it continues: the turns, and none of what they cost.

    Its machine begins at its start, which need not be the parent's machine.
    """
    return Trajectory(stream, turns=prefix.turns)


def fold(stream: str, envelopes: Iterable[Envelope], *, before: Trajectory | None = None) -> Trajectory:
    """The state after the events, in order; the same for every prefix as living through it.

    For a fork, `before` is what it inherits; StoreError where a fork is folded without it.
    """
    trajectory = before or Trajectory(stream)
    for envelope in envelopes:
        at_us, digest = envelope.recorded_at_us, envelope.digest
        trajectory = evolve(trajectory, envelope.event, at_us=at_us, digest=digest)
    return trajectory


def evolve(trajectory: Trajectory, event: Event, *, at_us: int, digest: Digest) -> Trajectory:
    """The state after one more event, recorded at the given instant under the given digest."""
    idle = trajectory.last_us is None or isinstance(event, TrajectoryResumed | TrajectoryExtended)
    passed = 0 if idle or trajectory.last_us is None else max(0, at_us - trajectory.last_us)
    after = _apply(trajectory, event)
    return replace(
        after,
        version=trajectory.version + 1,
        digest=digest,
        active_us=after.active_us + passed,
        last_us=at_us,
    )


def _apply(trajectory: Trajectory, event: Event) -> Trajectory:  # noqa: C901, PLR0911, PLR0912 (one row per kind)
    match event:
        case TrajectoryStarted():
            return replace(trajectory, problem=event.problem, sample=event.sample, seed=event.seed)
        case TrajectoryForked():
            return _forked(trajectory, event)
        case TrajectoryResumed():
            return replace(trajectory, status=Status.RUNNING, failed=_due(trajectory.failed, at_us=0), tries=0)
        case TrajectoryExtended():
            back = trajectory.exhausted_in
            return replace(trajectory, status=Status.RUNNING, state=back, outcome=None, exhausted=None)
        case TrajectoryFinished():
            return replace(trajectory, status=Status.FINISHED)
        case TrajectorySuspended():
            return replace(trajectory, status=Status.SUSPENDED)
        case StateEntered():
            return replace(trajectory, state=event.state, outcome=None, tries=0)
        case TurnBegun():
            return replace(trajectory, turns=(*trajectory.turns, Turn(event.turn)), outcome="begun")
        case TurnEnded():
            return _in_turn(trajectory, replace(trajectory.current, feedback=event.feedback))
        case BudgetExhausted():
            state = trajectory.state
            return replace(trajectory, outcome="exhausted", exhausted=event, exhausted_in=state)
        case EvaluationRecalled():
            return trajectory
        case LeaseGranted():
            return replace(trajectory, lease=event)
        case LeaseReleased():
            return replace(trajectory, lease=None, device_s=trajectory.device_s + (event.held_s or 0.0))
        case GenerationRequested() | BuildRequested() | EvaluationRequested():
            return _requested(trajectory, event)
        case GenerationFaulted() | BuildFaulted() | EvaluationFaulted():
            return _faulted(trajectory, event)
        case GenerationCompleted() | BuildCompleted() | EvaluationCompleted():
            return _completed(trajectory, event)
        case _:
            raise StoreError(f"an event of kind {event.kind} does not belong in trajectory {trajectory.stream}")


def _forked(trajectory: Trajectory, event: TrajectoryForked) -> Trajectory:
    if len(trajectory.turns) != event.turn:
        raise StoreError(
            f"trajectory {trajectory.stream} is a fork of {event.parent} after turn {event.turn}, of which"
            f" {len(trajectory.turns)} turns are known: read it together with its parent"
        )
    return replace(trajectory, problem=event.problem, sample=event.sample, seed=event.seed, shared=event.turn)


def _due(failed: Failed | None, *, at_us: int) -> Failed | None:
    return None if failed is None else replace(failed, retry_at_us=at_us)


def _requested(trajectory: Trajectory, event: _Requested) -> Trajectory:
    action = event.request.rpartition(":")[2]
    opened = Open(action, event.request, event.attempt)
    return replace(trajectory, open=opened, failed=None, tries=trajectory.tries + 1)


def _faulted(trajectory: Trajectory, event: _Faulted) -> Trajectory:
    failed = Failed(event.request, event.attempt, event.fault, event.message, event.retry_at_us)
    spent = event.usage if isinstance(event, GenerationFaulted) else Usage()
    return replace(trajectory, open=None, failed=failed, usage=trajectory.usage + spent)


def _completed(trajectory: Trajectory, event: _Completed) -> Trajectory:
    turn, usage = trajectory.current, trajectory.usage
    match event:
        case GenerationCompleted():
            usage = usage + event.usage
            turn = replace(turn, completion=event.completion, candidate=event.candidate)
        case BuildCompleted():
            turn = replace(turn, build=event)
        case EvaluationCompleted():
            turn = replace(turn, evaluation=event.evaluation)
    action = event.request.rpartition(":")[2]
    decided = KERNELS.actions[action].ends.get(event.outcome)
    answered = replace(trajectory, open=None, outcome=str(event.outcome), usage=usage)
    return _in_turn(answered, replace(turn, outcome=None if decided is None else str(decided)))


def _in_turn(trajectory: Trajectory, turn: Turn) -> Trajectory:
    return replace(trajectory, turns=(*trajectory.turns[:-1], turn))
