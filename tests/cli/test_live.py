"""What a display makes of a run's events."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from engine.worlds import NO_CODE, FaultyModel, Setup, completion
from reports.written_log import WrittenLog, passed

from caesar.cli.live import Progress, describe, open_display
from caesar.domain import Finding
from caesar.engine.clock import ManualClock
from caesar.engine.plan import Run, fold_run
from caesar.errors import Fault
from caesar.models.scripted import ScriptedModel


def watched(setup: Setup) -> Progress:
    """The counters after a run, told of every event in order."""
    setup.run()
    progress = Progress(total=2)
    for envelope in setup.seen:
        progress.observe(envelope)
    return progress


def lines(setup: Setup) -> list[str]:
    setup.run()
    return [line for envelope in setup.seen if (line := describe(envelope)) is not None]


def test_counters_end_with_nothing_in_flight_and_everything_finished():
    progress = watched(Setup())

    assert {"model calls": 0, "builds": 0, "devices": 0} == dict(progress.in_flight)
    assert (2, 0) == (progress.finished, progress.suspended)
    assert {"build_failed": 2, "incorrect": 2, "passed": 2} == dict(progress.turns)
    assert 2 == len(progress.best)


def test_a_faulted_call_is_no_longer_in_flight():
    setup = Setup()
    setup.model = FaultyModel(Fault("model", "gone", permanent=True), then=ScriptedModel([NO_CODE] * 3))

    progress = watched(setup)

    assert 0 == progress.in_flight["model calls"]
    assert (1, 1) == (progress.finished, progress.suspended)


def test_a_line_names_what_was_noticed_beside_the_speed():
    log = WrittenLog()
    log.trajectory().evaluate(1, replace(passed(0.5), findings=(Finding("vacuous", "zeros would pass"),)))

    told = [line for envelope in log.envelopes if (line := describe(envelope)) is not None]

    assert ["problem 1 sample 0: passed, 0.500 ms, 4.00x the reference's speed (vacuous)"] == told


def test_lines_tell_of_turns_speeds_faults_and_results():
    setup = Setup(completions=[completion("passed"), NO_CODE, NO_CODE])
    setup.problems = setup.problems[:1]
    setup.model = FaultyModel(Fault("model", "the server is busy"), then=ScriptedModel(setup.completions))

    told = lines(setup)

    assert "problem 1 sample 0: generation faulted, the server is busy; will be tried again" == told[0]
    assert told[1].startswith("problem 1 sample 0: passed, ")
    assert told[1].endswith("x the reference's speed")
    assert "problem 1 sample 0: turn 2 ended, no_code" in told
    assert "problem 1 sample 0: finished, result is turn 1, passed" == told[-1]


def run_of(setup: Setup) -> Run:
    run_id, _, _ = setup.seen[0].stream.partition("/")
    return fold_run(setup.log.read(run_id))


def test_what_is_under_way_is_told_while_nothing_else_is(capsys):
    setup = Setup()
    setup.run()
    requested = next(envelope for envelope in setup.seen if envelope.kind == "build_requested")
    clock = ManualClock()

    async def story():
        with open_display(run_of(setup), total=2, clock=clock) as display:
            display.observe(requested)
            for _ in range(3):
                await asyncio.sleep(0)

    asyncio.run(story())

    first, *told = capsys.readouterr().err.splitlines()
    assert first == "run fake: 2 trajectories on 2 problems of starter"
    assert told[0] == "   15.0s  under way: 0 model calls, 1 build, 0 devices"


def test_nothing_is_reminded_of_where_something_was_told(capsys):
    setup = Setup()
    setup.run()
    (ended, *_) = [envelope for envelope in setup.seen if envelope.kind == "turn_ended"]
    clock = ManualClock()

    async def story():
        with open_display(run_of(setup), total=2, clock=clock) as display:
            await asyncio.sleep(0)  # it sleeps until 15 s from the start
            display.observe(ended)

    asyncio.run(story())

    assert "under way" not in capsys.readouterr().err
