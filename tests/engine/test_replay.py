"""What was recorded is derived again, byte for byte, and the first thing that differs is named."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from msgspec.structs import replace as replace_field
from worlds import (
    NO_CODE,
    STORY,
    CrashError,
    CrashingLog,
    FaultyModel,
    Setup,
    completion,
    with_turns,
)

from caesar.domain import Context, Feedback, History, digest_of
from caesar.engine.plan import fold_run
from caesar.engine.replay import replay
from caesar.engine.resume import pinned
from caesar.engine.today import today
from caesar.errors import Fault, StoreError
from caesar.events import StateEntered, TurnBegun
from caesar.models.scripted import ScriptedModel
from caesar.ports import Append
from caesar.prompts.render import shipped
from caesar.stores.memory import MemoryEventLog


def replayed(setup, *, problem="1", spec=None, templates=None):
    run = fold_run(setup.log.read("RUN"))
    found = pinned(run, setup.log.texts)
    now = today(run, found, spec=spec, templates=templates or shipped())
    return replay(now, f"RUN/{problem}/0", read=setup.log.read, texts=setup.log.texts)


def changed(name, old, new):
    texts = shipped()
    assert old in texts[name]
    return {**texts, name: texts[name].replace(old, new)}


@pytest.fixture
def ran():
    setup = Setup(
        completions=(completion("build_failed"), NO_CODE, completion("incorrect"), completion("passed"))
    )
    setup.spec = with_turns(setup.spec, 4)
    setup.run()
    return setup


def shows_hardware(setup):
    setup.spec = replace(
        setup.spec, context=Context(History.LAST, (Feedback.CANDIDATE, Feedback.VERDICT, Feedback.HARDWARE))
    )
    return setup


def test_prompts_name_the_hardware_that_the_run_was_on_also_where_it_was_resumed_on_another():
    setup = shows_hardware(Setup(completions=STORY, device_name="the first machine's GPU"))
    inner, setup.log = setup.log, CrashingLog(setup.log, appends=16)
    with pytest.raises((CrashError, BaseExceptionGroup)):
        setup.run()
    setup.log = inner
    setup.clock.advance(60)
    setup.device_name = "another machine's GPU"
    setup.run()

    asked = [e.event for e in setup.log.read("RUN/1/0") if e.kind == "generation_requested"]
    named = [
        next(
            name
            for name in ("the first machine's GPU", "another machine's GPU")
            if name in prompt_of(setup, one)
        )
        for one in asked
    ]
    assert ["the first machine's GPU", "another machine's GPU"] == sorted(set(named), key=named.index)
    assert [None, None] == [replayed(setup, problem=problem).divergence for problem in "12"]


def prompt_of(setup, asked):
    parts = [digest for message in asked.prompt for digest in message.parts]
    return "".join(setup.log.texts(parts).values())


def test_a_finished_trajectory_is_derived_again_whole(ran):
    result = replayed(ran)

    assert (len(ran.log.read("RUN/1/0")), 4, None) == (result.events, result.turns, result.divergence)


@pytest.mark.parametrize("history", list(History))
def test_it_is_so_for_every_history(history):
    setup = Setup()
    show = (Feedback.CANDIDATE, Feedback.BUILD_LOG, Feedback.VERDICT, Feedback.BASELINE)
    setup.spec = replace(setup.spec, context=Context(history, show))
    setup.run()

    assert replayed(setup).divergence is None


def test_one_word_in_a_template_is_told_by_the_first_prompt_that_differs(ran):
    result = replayed(ran, templates=changed("turn_feedback.j2", "What came of it", "What came of this"))

    divergence = result.divergence
    assert ("generation_requested", "prompt.1.parts", 2) == (
        divergence.kind,
        divergence.field.rpartition(".")[0],
        divergence.turn,
    )
    assert "-What came of it:" in divergence.diff
    assert "+What came of this:" in divergence.diff
    assert divergence.version == result.events


def test_one_word_in_feedback_is_told_by_the_turns_end(ran):
    result = replayed(ran, templates=changed("feedback_build_log.j2", "Build log", "Compiler's log"))

    divergence = result.divergence
    assert ("turn_ended", "feedback", 1) == (divergence.kind, divergence.field, divergence.turn)
    assert "-Build log:" in divergence.diff
    assert digest_of("other") != divergence.today


def test_another_strategy_parts_where_it_would_have_asked_something_else(ran):
    without = replace(ran.spec, context=Context(History.NONE))

    divergence = replayed(ran, spec=without).divergence

    assert ("generation_requested", 2) == (divergence.kind, divergence.turn)


def test_another_budget_parts_where_it_would_have_stopped(ran):
    divergence = replayed(ran, spec=with_turns(ran.spec, 2)).divergence

    assert ("turn_begun", "kind", "budget_exhausted") == (divergence.kind, divergence.field, divergence.today)


def test_another_model_or_seed_is_not_another_strategy(ran):
    other = replace(ran.spec, seed=7, model=replace(ran.spec.model, name="another"))

    assert replayed(ran, spec=other).divergence is None


def test_faults_and_their_retries_are_the_worlds():
    setup = Setup()
    setup.problems = setup.problems[:1]
    busy = Fault("model", "the server is busy")
    setup.model = FaultyModel(busy, busy, then=ScriptedModel(STORY))
    setup.run()

    assert replayed(setup).divergence is None


def test_a_trajectory_that_was_killed_anywhere_and_resumed_is_derived_again_whole():
    whole = Setup()
    whole.problems = whole.problems[:1]
    whole.run()
    for survived in range(2, len(whole.log.read("RUN/1/0"))):
        setup = Setup()
        setup.problems = setup.problems[:1]
        log = setup.log
        setup.log = CrashingLog(log, appends=survived)
        with pytest.raises((CrashError, BaseExceptionGroup)):
            setup.run()
        setup.log = log
        assert replayed(setup).divergence is None
        setup.run()

        assert replayed(setup).divergence is None, f"after {survived} appends"


def test_a_suspended_and_an_extended_trajectory_are_derived_again():
    setup = Setup(completions=(*STORY, completion("passed", name="fourth")))
    setup.model = FaultyModel(Fault("model", "gone", permanent=True), then=ScriptedModel(setup.completions))
    setup.run()
    setup.run()
    setup.spec = with_turns(setup.spec, 4)
    setup.run()

    # the extended run's own budget would have allowed the fourth turn from the start
    assert [None, None] == [replayed(setup, problem=problem).divergence for problem in "12"]


def test_a_wall_budget_is_judged_at_the_instant_at_which_it_was():
    setup = Setup()
    setup.problems = setup.problems[:1]
    setup.spec = replace(setup.spec, budget=replace(setup.spec.budget, wall_s=5.0))
    setup.model = FaultyModel(Fault("model", "busy", retry_after_s=7.5), then=ScriptedModel(STORY))
    setup.run()

    assert "budget_exhausted" in setup.kinds()
    assert replayed(setup).divergence is None


def test_an_event_that_nothing_led_to_is_a_divergence(ran):
    log = MemoryEventLog(ran.clock.now_us)
    history = [envelope.event for envelope in ran.log.read("RUN/1/0")][:2]
    asyncio.run(
        log.append(Append("RUN/1/0", 0, (*history, TurnBegun(1), StateEntered("build", "turn", "begun"))))
    )
    run = fold_run(ran.log.read("RUN"))
    now = today(run, pinned(run, ran.log.texts), spec=None, templates=shipped())

    divergence = replay(now, "RUN/1/0", read=log.read, texts=ran.log.texts).divergence

    assert (4, "state_entered", "state", "build", "generate") == (
        divergence.version,
        divergence.kind,
        divergence.field,
        divergence.recorded,
        divergence.today,
    )


@pytest.mark.parametrize("kind", ["state_entered", "generation_completed"])
def test_an_event_that_can_not_be_read_is_damage(ran, kind):
    def read(stream, *, upto=None):
        sound = ran.log.read(stream, upto=upto)
        return [replace_field(e, body=b'{"state":1}') if e.kind == kind else e for e in sound]

    run = fold_run(ran.log.read("RUN"))
    now = today(run, pinned(run, ran.log.texts), spec=None, templates=shipped())

    with pytest.raises(StoreError, match=f"an event of kind {kind} version 1 can't be read"):
        replay(now, "RUN/1/0", read=read, texts=ran.log.texts)


def test_replaying_touches_no_model_builder_evaluator_or_device(ran):
    asked = len(ran.builder.sources)

    replayed(ran)

    assert asked == len(ran.builder.sources)
