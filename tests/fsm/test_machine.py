"""Deciding and folding, without an engine: every decision from a state made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from caesar.domain import (
    Baseline,
    BuildOutcome,
    Environment,
    Evaluation,
    GenerationOutcome,
    Timing,
    Trust,
    Usage,
    Verdict,
)
from caesar.errors import StoreError
from caesar.events import (
    BudgetExhausted,
    BuildCompleted,
    BuildRequested,
    EvaluationCompleted,
    Event,
    GenerationCompleted,
    GenerationFaulted,
    GenerationRequested,
    LeaseGranted,
    LeaseReleased,
    RunFinished,
    StateEntered,
    TrajectoryFinished,
    TrajectoryResumed,
    TrajectoryStarted,
    TrajectorySuspended,
    TurnBegun,
    TurnEnded,
)
from caesar.fsm.machine import Close, EndTurn, Machine, Perform, Record, Stop, Wait, decide
from caesar.fsm.spec import Budget, StateSpec
from caesar.fsm.trajectory import Status, Trajectory, evolve

DIGEST = "0" * 64
MACHINE = Machine(
    start="turn",
    states={
        "turn": StateSpec("turn", "begin_turn", {"begun": "generate", "exhausted": "finish"}),
        "generate": StateSpec("generate", "generate", {"candidate": "build", "no_code": "turn"}),
        "build": StateSpec("build", "build", {"built": "evaluate", "failed": "turn", "timed_out": "turn"}),
        "evaluate": StateSpec("evaluate", "evaluate", dict.fromkeys(Verdict, "turn")),
        "finish": StateSpec("finish", "finish", {}, result="best"),
    },
    budget=Budget(turns=2),
)


def after(*events: Event, seconds_apart: float = 1.0) -> Trajectory:
    trajectory = Trajectory("R/1/0")
    for number, event in enumerate(events):
        trajectory = evolve(trajectory, event, at_us=int(number * seconds_apart * 1e6), digest=DIGEST)
    return trajectory


def deciding(trajectory: Trajectory, *, now_us: int = 10**9, machine: Machine = MACHINE):
    return decide(machine, trajectory, now_us=now_us)


START = TrajectoryStarted("1", DIGEST, 0, 5)
IN_TURN = (START, StateEntered("turn", None, None), TurnBegun(1))
GENERATING = (*IN_TURN, StateEntered("generate", "turn", "begun"))
ASKED = GenerationRequested("R/1/0:1.0:generate", 1, 1, "m", (), 6)


def generated(candidate: str | None, *, usage: Usage = Usage()) -> GenerationCompleted:  # noqa: B008 (a value)
    outcome = GenerationOutcome.NO_CODE if candidate is None else GenerationOutcome.CANDIDATE
    return GenerationCompleted("R/1/0:1.0:generate", 1, outcome, DIGEST, None, candidate, "m", None, usage, 0.1)


def timing(median_ms: float) -> Timing:
    return Timing(median_ms, median_ms, 0.0, median_ms, median_ms, 10, DIGEST)


def passed(median_ms: float) -> EvaluationCompleted:
    environment = Environment("cpu:0", "a cpu", "2.13", None, "fp32", "none", Trust.NONE)
    baselines = (Baseline("eager", timing(2.0)),)
    evaluation = Evaluation(Verdict.PASSED, environment, "1", timing=timing(median_ms), baselines=baselines)
    return EvaluationCompleted("R/1/0:1.0:evaluate", 1, "passed", evaluation, 0.5)


def a_turn(number: int, median_ms: float | None) -> tuple[Event, ...]:
    """A whole turn that passed with a time, or whose build failed."""
    request = f"R/1/0:{number}.0:build"
    built = median_ms is not None
    outcome = BuildOutcome.BUILT if built else BuildOutcome.FAILED
    build = BuildCompleted(
        request, 1, outcome, "a" if built else None, DIGEST, None if built else "x", False, 1.0
    )
    judged = (passed(median_ms),) if built else ()
    return (TurnBegun(number), generated(f"c{number}"), build, *judged, TurnEnded(number, None, DIGEST))


def test_an_empty_trajectory_enters_the_start_state():
    assert Record(StateEntered("turn", None, None)) == deciding(after(START))


def test_a_turn_begins_while_the_budget_allows():
    assert Record(TurnBegun(1)) == deciding(after(START, StateEntered("turn", None, None)))


def test_an_outcome_leads_where_the_table_says():
    trajectory = after(*GENERATING, ASKED, generated("c"))

    assert Record(StateEntered("build", "generate", "candidate")) == deciding(trajectory)


def test_a_turn_ends_before_the_next_begins():
    trajectory = after(*GENERATING, ASKED, generated(None))

    decision = deciding(trajectory)

    assert isinstance(decision, EndTurn)
    assert "no_code" == decision.turn.outcome
    ended = evolve(trajectory, TurnEnded(1, "no_code", DIGEST), at_us=0, digest=DIGEST)
    assert Record(StateEntered("turn", "generate", "no_code")) == deciding(ended)


def test_a_state_performs_its_action_once_entered():
    decision = deciding(after(*GENERATING))

    assert isinstance(decision, Perform)
    assert ("R/1/0:1.0:generate", 1) == (decision.request.id, decision.attempt)


def test_an_open_request_that_nobody_performs_is_closed_with_its_lease():
    lease = LeaseGranted("R/1/0:1.0:generate", "cpu:0", 3, 0.0)

    decision = deciding(after(*GENERATING, ASKED, lease))

    assert isinstance(decision, Close)
    assert ("generate", lease) == (decision.open.action, decision.lease)


def test_a_faulted_request_waits_then_is_performed_as_the_next_attempt():
    fault = GenerationFaulted("R/1/0:1.0:generate", 1, "model", "busy", 500, Usage())
    trajectory = after(*GENERATING, ASKED, fault)

    assert Wait(500) == deciding(trajectory, now_us=499)
    again = deciding(trajectory, now_us=500)
    assert isinstance(again, Perform)
    assert 2 == again.attempt


def test_a_fault_without_a_next_attempt_suspends_and_taking_up_performs_again():
    fault = GenerationFaulted("R/1/0:1.0:generate", 1, "model", "gone", None, Usage())
    trajectory = after(*GENERATING, ASKED, fault)

    suspended = TrajectorySuspended("R/1/0:1.0:generate", "model", "gone")
    assert Record(suspended) == deciding(trajectory)
    stopped = evolve(trajectory, suspended, at_us=0, digest=DIGEST)
    assert Stop() == deciding(stopped)
    assert isinstance(deciding(evolve(stopped, TrajectoryResumed(), at_us=0, digest=DIGEST)), Perform)


@pytest.mark.parametrize(
    ("budget", "spent"),
    [
        (Budget(turns=1), BudgetExhausted("turns", 1.0, 1.0)),
        (Budget(tokens=100), BudgetExhausted("tokens", 100.0, 120.0)),
        (Budget(usd=0.5), BudgetExhausted("usd", 0.5, 0.75)),
        (Budget(wall_s=4.0), BudgetExhausted("wall", 4.0, 8.0)),
        (Budget(device_s=2.0), BudgetExhausted("device", 2.0, 2.5)),
    ],
)
def test_a_spent_budget_ends_the_trajectory_where_a_turn_would_begin(budget, spent):
    events = (
        START,
        StateEntered("turn", None, None),
        TurnBegun(1),
        generated(None, usage=Usage(100, 20, 0.75)),
        LeaseGranted("r", "cpu:0", 1, 0.0),
        LeaseReleased("r", "cpu:0", 1, 2.5),
        TurnEnded(1, "no_code", DIGEST),
        StateEntered("turn", "generate", "no_code"),
    )

    decision = deciding(after(*events), now_us=8_000_000, machine=replace(MACHINE, budget=budget))

    assert Record(spent) == decision


def test_time_between_two_processes_counts_for_no_budget():
    trajectory = after(START, StateEntered("turn", None, None), seconds_apart=1.0)

    resumed = evolve(trajectory, TrajectoryResumed(), at_us=10**12, digest=DIGEST)
    later = evolve(resumed, TurnBegun(1), at_us=10**12 + 500_000, digest=DIGEST)

    assert 1_500_000 == later.active_us


@pytest.mark.parametrize(
    ("rule", "medians", "chosen"),
    [
        ("best", (3.0, 1.0, 2.0), (2, "passed")),
        ("best", (3.0, None, None), (1, "passed")),
        ("best", (None, None), (2, "build_failed")),
        ("last", (1.0, 3.0), (2, "passed")),
    ],
)
def test_the_result_is_the_fastest_passed_turn_or_the_last_candidate(rule, medians, chosen):
    turns = [event for number, median in enumerate(medians, start=1) for event in a_turn(number, median)]
    states = {**MACHINE.states, "finish": replace(MACHINE.states["finish"], result=rule)}
    trajectory = after(START, *turns, StateEntered("finish", "turn", "exhausted"))

    decision = deciding(trajectory, machine=replace(MACHINE, states=states))

    turn, outcome = chosen
    assert Record(TrajectoryFinished(rule, turn, f"c{turn}", outcome)) == decision


def test_a_trajectory_without_any_candidate_has_no_result():
    trajectory = after(START, StateEntered("finish", None, None))

    assert Record(TrajectoryFinished("best", None, None, None)) == deciding(trajectory)


def test_a_finished_trajectory_stops():
    trajectory = after(START, TrajectoryFinished("best", None, None, None))

    assert Status.FINISHED is trajectory.status
    assert Stop() == deciding(trajectory)


def test_an_event_of_the_runs_stream_is_refused():
    with pytest.raises(StoreError, match="run_finished does not belong"):
        after(START, RunFinished(1, 0))


def test_requests_count_their_attempts_within_a_state():
    trajectory = after(*GENERATING, ASKED, replace(ASKED, attempt=2))

    assert 2 == trajectory.tries
    entered = evolve(trajectory, StateEntered("build", "generate", "candidate"), at_us=0, digest=DIGEST)
    assert 1 == evolve(entered, BuildRequested("R/1/0:1.0:build", 1, DIGEST), at_us=0, digest=DIGEST).tries
