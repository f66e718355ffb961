"""The engine with fakes all around: what is recorded, in which order, whatever happens."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from stores.recorded_store import vandalise
from worlds import (
    NO_CODE,
    SOURCE,
    STORY,
    CrashError,
    CrashingLog,
    FaultyModel,
    Setup,
    completion,
    with_turns,
)

from caesar.domain import Problem
from caesar.engine.plan import fold_run
from caesar.engine.retry import ATTEMPTS
from caesar.engine.scheduler import Tally, require_ends
from caesar.errors import Fault, StoreError, UsageError
from caesar.fsm.trajectory import Status
from caesar.models.scripted import ScriptedModel
from caesar.stores.eventlog import SqliteEventLog
from caesar.stores.memory import MemoryEventLog

TURN = (
    ["state_entered", "turn_begun", "state_entered", "generation_requested", "generation_completed"],
    ["state_entered", "build_requested", "build_completed"],
    ["state_entered", "evaluation_requested", "lease_granted", "lease_released", "evaluation_completed"],
)


def outcomes(setup: Setup, problem: str = "1") -> list[str | None]:
    return [turn.outcome for turn in setup.trajectory(problem).turns]


def test_a_run_takes_every_trajectory_through_its_turns_to_its_result():
    setup = Setup()

    tally = setup.run()

    assert Tally(finished=2, suspended=0, running=0) == tally
    assert ["build_failed", "incorrect", "passed"] == outcomes(setup)
    assert Status.FINISHED is setup.trajectory().status


def test_each_request_is_recorded_before_its_outcome_and_each_turn_ends_with_feedback():
    setup = Setup(completions=[completion("passed")])
    setup.spec = with_turns(setup.spec, 1)

    setup.run()

    generate, build, evaluate = TURN
    end = ["turn_ended", "state_entered", "budget_exhausted", "state_entered", "trajectory_finished"]
    assert ["trajectory_started", *generate, *build, *evaluate, *end] == setup.kinds()


def test_a_completion_without_code_is_a_turn_without_a_build():
    setup = Setup(completions=[NO_CODE, completion("passed"), NO_CODE])

    setup.run()

    assert ["no_code", "passed", "no_code"] == outcomes(setup)
    assert 2 == len(setup.builder.sources)  # one for each problem


def test_the_next_prompt_shows_the_last_candidate_and_its_feedback_as_parts_of_their_own():
    setup = Setup()

    setup.run()

    requests = [e.event for e in setup.log.read("RUN/1/0") if e.kind == "generation_requested"]
    first, second, _ = setup.trajectory().turns
    parts = [digest for message in requests[1].prompt for digest in message.parts]
    assert first.candidate in parts
    assert first.feedback in parts
    assert second.candidate not in parts


def test_the_events_observed_are_the_events_of_the_trajectories():
    setup = Setup()

    setup.run()

    logged = [e for stream in ("RUN/1/0", "RUN/2/0") for e in setup.log.read(stream)]
    assert sorted(e.seq for e in logged) == sorted(e.seq for e in setup.seen)


def test_the_heads_of_ended_trajectories_are_written_into_the_runs_stream():
    setup = Setup()

    setup.run()

    heads = {e.event.stream: e.event for e in setup.log.read("RUN") if e.kind == "head_recorded"}
    for stream, head in heads.items():
        last = setup.log.read(stream)[-1]
        assert (last.version, last.digest) == (head.version, head.digest)
    assert {"RUN/1/0", "RUN/2/0"} == set(heads)


def test_a_fault_is_recorded_and_the_request_tried_again_later():
    setup = Setup()
    setup.problems = setup.problems[:1]
    model = FaultyModel(Fault("model", "the server is busy", retry_after_s=7.0), then=ScriptedModel(STORY))
    setup.model = model
    began_us = setup.clock.now_us()

    tally = setup.run()

    faults = [e.event for e in setup.log.read("RUN/1/0") if e.kind == "generation_faulted"]
    assert 1 == tally.finished
    assert ["the server is busy"] == [fault.message for fault in faults]
    assert setup.clock.now_us() >= began_us + 7_000_000
    assert ["build_failed", "incorrect", "passed"] == outcomes(setup)


def test_a_fault_that_lasts_suspends_its_trajectory_and_the_rest_goes_on():
    setup = Setup()
    lasting = [Fault("model", "still busy") for _ in range(ATTEMPTS)]
    setup.model = FaultyModel(*lasting, then=ScriptedModel(STORY))
    setup.clock = setup.clock

    tally = setup.run()

    assert 2 == tally.finished + tally.suspended
    assert not tally.running


def test_a_permanent_fault_suspends_at_once_and_the_next_start_takes_it_up():
    setup = Setup()
    setup.problems = setup.problems[:1]
    setup.model = FaultyModel(Fault("model", "no such model", permanent=True), then=ScriptedModel(STORY))

    first = setup.run()
    second = setup.run()

    assert Tally(0, suspended=1, running=0) == first
    assert Tally(1, suspended=0, running=0) == second
    attempts = [e.event.attempt for e in setup.log.read("RUN/1/0") if e.kind == "generation_requested"][:2]
    assert [1, 2] == attempts


def test_whatever_escapes_an_adapter_is_a_recorded_fault():
    setup = Setup()
    setup.problems = setup.problems[:1]
    setup.model = FaultyModel(ZeroDivisionError("oops"), then=ScriptedModel(STORY))

    tally = setup.run()

    faults = [e.event for e in setup.log.read("RUN/1/0") if e.kind == "generation_faulted"]
    assert 1 == tally.finished
    assert [("internal", "ZeroDivisionError: oops")] == [(f.fault, f.message) for f in faults]


def test_a_finished_run_has_nothing_to_do_when_started_again():
    setup = Setup()
    setup.run()
    before = setup.kinds()

    tally = setup.run()

    assert Tally(finished=2, suspended=0, running=0) == tally
    assert before == setup.kinds()


def test_more_turns_extend_trajectories_that_ended_for_want_of_turns():
    setup = Setup(completions=(*STORY, completion("passed", name="fourth")))
    setup.run()
    setup.spec = with_turns(setup.spec, 4)

    tally = setup.run()

    assert 2 == tally.finished
    assert ["build_failed", "incorrect", "passed", "passed"] == outcomes(setup)


def test_more_samples_and_problems_extend_a_run():
    setup = Setup()
    setup.run()
    setup.spec = replace(setup.spec, samples=2)
    setup.problems = (*setup.problems, Problem("starter", "3", "three", SOURCE))

    tally = setup.run()

    assert 6 == tally.finished
    assert ["build_failed", "incorrect", "passed"] == [t.outcome for t in setup.trajectory("3", 1).turns]


@pytest.mark.parametrize("change", ["turns", "seed", "problem"])
def test_another_configuration_under_the_same_name_is_refused_with_the_difference(change):
    setup = Setup()
    setup.run()
    changes = {"turns": with_turns(setup.spec, 2), "seed": replace(setup.spec, seed=7), "problem": setup.spec}
    setup.spec = changes[change]
    if change == "problem":
        setup.problems = (replace(setup.problems[0], source=SOURCE + "#"), setup.problems[1])

    with pytest.raises(UsageError, match=change):
        setup.run()


def test_draining_finishes_what_is_in_flight_and_starts_nothing_more():
    setup = Setup()
    world = setup.world()

    async def drained() -> Tally:
        world.draining.set()
        return await setup.run_in(world)

    tally = asyncio.run(drained())

    assert Tally(0, suspended=0, running=2) == tally
    assert [] == setup.seen
    assert Tally(2, suspended=0, running=0) == setup.run()


def _events(setup: Setup) -> list[tuple[str, bytes]]:
    """What happened to a trajectory, without what a crash adds: faults, resumptions, attempts, times."""
    skipped = {"trajectory_resumed", "generation_faulted", "build_faulted", "evaluation_faulted"}
    kept = [e for e in setup.log.read("RUN/1/0") if e.kind not in skipped and "lease" not in e.kind]
    repeated = {"generation_requested", "build_requested", "evaluation_requested"}
    told = [(e.kind, b"" if e.kind in repeated or e.kind.endswith("_completed") else e.body) for e in kept]
    return [row for i, row in enumerate(told) if i == 0 or row != told[i - 1]]


def test_a_run_that_dies_after_any_append_ends_as_if_it_had_not():
    whole = Setup()
    whole.problems = whole.problems[:1]
    whole.run()
    appends = len(whole.log.read("RUN/1/0")) + len(whole.log.read("RUN"))

    for survived in range(appends):
        setup = Setup()
        setup.problems = setup.problems[:1]
        log = setup.log
        setup.log = CrashingLog(log, appends=survived)
        with pytest.raises((CrashError, BaseExceptionGroup)):
            setup.run()
        setup.log = log

        tally = setup.run()

        assert 1 == tally.finished
        assert _events(whole) == _events(setup), f"after {survived} appends"
        assert whole.trajectory().turns == setup.trajectory().turns or survived
        assert [t.candidate for t in whole.trajectory().turns] == [
            t.candidate for t in setup.trajectory().turns
        ]


def test_a_generation_in_flight_when_the_process_died_is_booked_as_possibly_paid():
    setup = Setup()
    setup.problems = setup.problems[:1]
    log = MemoryEventLog(setup.clock.now_us)
    setup.log = CrashingLog(log, appends=6)  # the run, the start, two states, the turn, the request
    with pytest.raises((CrashError, BaseExceptionGroup)):
        setup.run()
    setup.log = log

    setup.run()

    faults = [e.event for e in log.read("RUN/1/0") if e.kind == "generation_faulted"]
    assert ["reply_unknown"] == [fault.fault for fault in faults]
    assert faults[0].usage.input_tokens > 100


class CountingLog:
    """A log in front of another, which counts how often each stream was read."""

    def __init__(self, inner):
        self._inner = inner
        self.reads = Counter()
        self.append, self.streams, self.texts = inner.append, inner.streams, inner.texts

    def read(self, stream, *, upto=None):
        self.reads[stream] += 1
        return self._inner.read(stream, upto=upto)


def test_a_trajectory_is_read_once_and_its_head_recorded_once_however_often_the_run_is_taken_up():
    setup = Setup(completions=STORY)
    inner = setup.log
    setup.log = CountingLog(inner)

    setup.run()
    setup.run()

    assert {"RUN/1/0": 2, "RUN/2/0": 2} == {name: n for name, n in setup.log.reads.items() if "/" in name}
    assert 2 == len(fold_run(inner.read("RUN")).heads)


def test_a_trajectory_that_ended_and_has_lost_its_end_is_not_paid_for_again(tmp_path):
    store = tmp_path / "caesar.db"
    setup = Setup()
    with SqliteEventLog.open(store, clock_us=setup.clock.now_us) as setup.log:
        setup.run()
    vandalise(store, "DELETE FROM events WHERE stream = 'RUN/1/0' AND version > 5")
    setup.spec = replace(setup.spec, samples=2)

    with SqliteEventLog.open(store, clock_us=setup.clock.now_us) as setup.log:
        with pytest.raises(ExceptionGroup) as raised:
            setup.run()

        assert raised.group_contains(StoreError, match="RUN/1/0 no longer has event")
        assert 5 == len(setup.log.read("RUN/1/0"))


def test_a_run_whose_trajectory_lost_its_end_does_not_count_as_finished():
    setup = Setup()
    setup.run()
    run = fold_run(setup.log.read("RUN"))
    reached = {stream: len(setup.log.read(stream)) for stream in ("RUN/1/0", "RUN/2/0")}

    require_ends(run, reached)
    with pytest.raises(StoreError, match="RUN/2/0 no longer has event"):
        require_ends(run, reached | {"RUN/2/0": 5})
