"""Deciding: from a machine and a trajectory's state to the one thing to do next.

Pure: the instant comes in as an argument. A decision refers to texts by digest; the engine renders
and performs it. `decide` is asked again after every recorded event, so each decision is small.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from caesar.domain import Verdict
from caesar.effects import Request
from caesar.events import (
    BudgetExhausted,
    Event,
    LeaseGranted,
    StateEntered,
    TrajectoryFinished,
    TrajectorySuspended,
    TurnBegun,
)
from caesar.fsm.spec import Budget, Spec, StateSpec
from caesar.fsm.trajectory import Failed, Open, Status, Trajectory, Turn

__all__ = [
    "Close",
    "Decision",
    "EndTurn",
    "Machine",
    "Perform",
    "Record",
    "Stop",
    "Wait",
    "compile_machine",
    "decide",
]


@dataclass(frozen=True, slots=True)
class Machine:
    """A checked finite state machine: states, transitions keyed by (state, outcome), and a budget."""

    start: str
    states: Mapping[str, StateSpec]
    budget: Budget


@dataclass(frozen=True, slots=True)
class Record:
    """Append this event; nothing has to be performed."""

    event: Event


@dataclass(frozen=True, slots=True)
class EndTurn:
    """Render the turn's feedback and append that it ended."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class Perform:
    """Record the request, perform it, and record what came of it."""

    request: Request
    attempt: int


@dataclass(frozen=True, slots=True)
class Close:
    """A request that no living process is performing has to be closed as a fault, and its lease with it."""

    open: Open
    lease: LeaseGranted | None


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is due before this instant."""

    until_us: int


@dataclass(frozen=True, slots=True)
class Stop:
    """The trajectory is finished or suspended."""


Decision = Record | EndTurn | Perform | Close | Wait | Stop


def compile_machine(spec: Spec) -> Machine:
    """The machine of a spec, which the loader has checked."""
    return Machine(spec.start, spec.states, spec.budget)


def decide(machine: Machine, trajectory: Trajectory, *, now_us: int) -> Decision:
    """The next thing to do; the same for the same events and instant."""
    if trajectory.status is not Status.RUNNING:
        return Stop()
    if trajectory.open is not None:
        return Close(trajectory.open, trajectory.lease)
    if trajectory.failed is not None:
        return _after_fault(trajectory, trajectory.failed, now_us=now_us)
    if trajectory.state is None:
        return Record(StateEntered(machine.start, after=None, outcome=None))
    state = machine.states[trajectory.state]
    if trajectory.outcome is not None:
        return _leave(machine, trajectory, state)
    return _act(machine, trajectory, state, now_us=now_us)


def _after_fault(trajectory: Trajectory, failed: Failed, *, now_us: int) -> Decision:
    if failed.retry_at_us is None:
        return Record(TrajectorySuspended(failed.request, failed.fault, failed.message))
    if failed.retry_at_us > now_us:
        return Wait(failed.retry_at_us)
    action = failed.request.rpartition(":")[2]
    return Perform(_request(trajectory, action), failed.attempt + 1)


def _leave(machine: Machine, trajectory: Trajectory, state: StateSpec) -> Decision:
    assert trajectory.outcome is not None
    target = state.on[trajectory.outcome]
    turn = trajectory.turn
    turn_over = machine.states[target].action in {"begin_turn", "finish"}
    if turn_over and turn is not None and turn.feedback is None:
        return EndTurn(turn)
    return Record(StateEntered(target, after=state.name, outcome=trajectory.outcome))


def _act(machine: Machine, trajectory: Trajectory, state: StateSpec, *, now_us: int) -> Decision:
    match state.action:
        case "begin_turn":
            over = _exhausted(machine.budget, trajectory, now_us=now_us)
            return Record(over or TurnBegun(len(trajectory.turns) + 1))
        case "finish":
            return Record(_result(trajectory, rule=state.result or "best"))
        case action:
            return Perform(_request(trajectory, action), attempt=1)


def _request(trajectory: Trajectory, action: str) -> Request:
    return Request(trajectory.stream, trajectory.current.number, slot=0, action=action)


def _exhausted(budget: Budget, trajectory: Trajectory, *, now_us: int) -> BudgetExhausted | None:
    idle_us = 0 if trajectory.last_us is None else max(0, now_us - trajectory.last_us)
    spending = (
        ("turns", budget.turns, len(trajectory.turns)),
        ("tokens", budget.tokens, trajectory.usage.tokens),
        ("usd", budget.usd, trajectory.usage.usd or 0.0),
        ("wall", budget.wall_s, (trajectory.active_us + idle_us) / 1e6),
        ("device", budget.device_s, trajectory.device_s),
    )
    for name, limit, spent in spending:
        if limit is not None and spent >= limit:
            return BudgetExhausted(name, float(limit), float(spent))
    return None


def _result(trajectory: Trajectory, *, rule: str) -> TrajectoryFinished:
    turn = _chosen(trajectory, rule=rule)
    if turn is None:
        return TrajectoryFinished(rule, turn=None, candidate=None, outcome=None)
    return TrajectoryFinished(rule, turn.number, turn.candidate, turn.outcome)


def _chosen(trajectory: Trajectory, *, rule: str) -> Turn | None:
    with_candidate = [turn for turn in trajectory.turns if turn.candidate is not None]
    passed = [turn for turn in with_candidate if turn.outcome == Verdict.PASSED]
    if rule == "best" and passed:
        return min(passed, key=_slowness)
    return with_candidate[-1] if with_candidate else None


def _slowness(turn: Turn) -> tuple[float, float]:
    """Least for the fastest: by speedup, since a reference timed in the same lease shares its disturbances."""
    assert turn.evaluation is not None
    assert turn.evaluation.timing is not None
    return -(turn.evaluation.speedup or 0.0), turn.evaluation.timing.median_ms
