"""What the engine does with devices: conditions, stale grants, budgets, and candidates that hung before."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from worlds import SOURCE, Setup, completion, with_turns

from caesar.devices.fake import MemoryDevicePool
from caesar.domain import Environment, Evaluation, Problem, Trust, Verdict
from caesar.effects import Condition, Evaluate, Evaluated, Grant
from caesar.engine.lanes import Capacity, Lanes
from caesar.engine.memory import Memory, is_costly
from caesar.engine.perform import condition_after
from caesar.engine.plan import fold_run
from caesar.engine.replay import replay
from caesar.engine.resume import pinned
from caesar.engine.today import Today, today
from caesar.errors import Fault
from caesar.evaluators.scripted import ScriptedEvaluator
from caesar.ports import EventLog

DEVICE_NAME = "scripted device"
HANGING = completion("timed_out")
TWO = (Problem("starter", "1", "one", SOURCE), Problem("starter", "2", "two", f"{SOURCE}# another one\n"))


def evaluation(verdict: Verdict, *, reason: str | None, device: str = "cpu:0") -> Evaluation:
    environment = Environment(device, "x", "none", None, "fp32", "none", Trust.NONE)
    return Evaluation(verdict, environment, "1", reason=reason)


class CountingEvaluator(ScriptedEvaluator):
    """Remembers the candidates it judged, and in which order."""

    def __init__(self) -> None:
        super().__init__()
        self.judged: list[str] = []

    async def evaluate(self, evaluate: Evaluate, grant: Grant) -> Evaluated:
        self.judged.append(evaluate.problem.id)
        await asyncio.sleep(0)
        return await super().evaluate(evaluate, grant)


class WatchedPool(MemoryDevicePool):
    """Remembers the conditions in which its devices were given back."""

    def __init__(self, *, stale: int = 0) -> None:
        super().__init__(1)
        self.conditions: list[Condition] = []
        self.affinities: list[str] = []
        self._stale = stale

    async def acquire(self, request: str, *, affinity: str = "") -> Grant:
        self.affinities.append(affinity)
        return await super().acquire(request, affinity=affinity)

    async def release(self, grant: Grant, *, condition: Condition = Condition.SOUND) -> float:
        self.conditions.append(condition)
        held_s = await super().release(grant, condition=condition)
        if self._stale:
            self._stale -= 1
            raise Fault("device", f"device {grant.device} was lost while it was held")
        return held_s


def run(setup: Setup, **changes: object):
    async def story():
        return await setup.run_in(replace(setup.world(), **changes))

    return asyncio.run(story())


def story_of(*completions: str, turns: int) -> Setup:
    setup = Setup(completions=completions)
    setup.spec = with_turns(setup.spec, turns)
    setup.problems = setup.problems[:1]
    return setup


def memory_of(log: EventLog) -> Memory:
    return Memory(log, device_names=[DEVICE_NAME])


def today_of(setup: Setup) -> Today:
    run = fold_run(setup.log.read("RUN"))
    found = pinned(run, setup.log.texts)
    return today(run, found, spec=None, templates=found.templates)


def events(setup: Setup, kind: str, stream: str = "RUN/1/0"):
    return [e.event for e in setup.log.read(stream) if e.kind == kind]


def test_a_candidate_that_hung_is_not_paid_for_twice_and_the_log_says_who_answered():
    setup = story_of(HANGING, HANGING, turns=2)
    setup.evaluator = CountingEvaluator()

    run(setup, memory=memory_of(setup.log))

    assert ["timed_out", "timed_out"] == [turn.outcome for turn in setup.trajectory().turns]
    assert 1 == len(setup.evaluator.judged)
    assert 1 == len(events(setup, "lease_granted"))
    (recalled,) = events(setup, "evaluation_recalled")
    assert ("RUN/1/0:2.0:evaluate", "RUN/1/0:1.0:evaluate") == (recalled.request, recalled.answered_by)
    first, second = events(setup, "evaluation_completed")
    assert first.evaluation == second.evaluation


def test_a_candidate_that_hung_while_an_equal_one_waited_for_the_device_is_not_judged_a_second_time():
    setup = story_of(HANGING, turns=1)
    setup.spec = replace(setup.spec, samples=3)
    setup.evaluator, pool = CountingEvaluator(), WatchedPool()

    tally = run(setup, memory=memory_of(setup.log), devices=pool)

    assert (3, 1) == (tally.finished, len(setup.evaluator.judged))
    streams = [f"RUN/1/{sample}" for sample in range(3)]
    assert 1 == sum(len(events(setup, "lease_granted", stream)) for stream in streams)
    assert 2 == sum(len(events(setup, "evaluation_recalled", stream)) for stream in streams)
    assert [Condition.HUNG, Condition.SOUND, Condition.SOUND] == pool.conditions
    now = today_of(setup)
    for stream in streams:
        assert replay(now, stream, read=setup.log.read, texts=setup.log.texts).divergence is None


def test_what_hung_in_another_process_is_known_from_the_store():
    setup = story_of(HANGING, HANGING, turns=1)
    run(setup, memory=memory_of(setup.log))
    setup.spec = with_turns(setup.spec, 2)
    setup.evaluator = CountingEvaluator()

    run(setup, memory=memory_of(setup.log))

    assert [] == setup.evaluator.judged
    assert 1 == len(events(setup, "evaluation_recalled"))


def test_where_the_hardware_is_not_known_beforehand_it_is_what_evaluations_ran_on():
    """As on a Ray cluster, whose devices have names only once they were granted."""
    first = story_of(HANGING, turns=1)
    run(first, memory=memory_of(first.log))
    first.spec = with_turns(first.spec, 4)
    first.completions = (HANGING, HANGING, completion("incorrect"), HANGING)
    first.evaluator = CountingEvaluator()

    run(first, memory=Memory(first.log))

    assert 2 == len(first.evaluator.judged)  # turn 2 taught the name, so turn 4 was known
    assert ["RUN/1/0:4.0:evaluate"] == [event.request for event in events(first, "evaluation_recalled")]


@pytest.mark.parametrize("what", ["device", "limit", "nothing known"])
def test_under_other_conditions_a_candidate_is_judged_again(what):
    setup = story_of(HANGING, turns=1)
    run(setup, memory=memory_of(setup.log))
    other = story_of(HANGING, turns=1)
    other.evaluator = CountingEvaluator()
    if what == "limit":
        other.spec = replace(other.spec, limits=replace(other.spec.limits, evaluate_s=7.0))
    name = "another device" if what == "device" else DEVICE_NAME
    known = Memory(other.log if what == "nothing known" else setup.log, device_names=[name])

    run(other, memory=known)

    assert 1 == len(other.evaluator.judged)


def test_a_candidate_that_merely_failed_is_judged_again():
    setup = story_of(completion("incorrect"), completion("incorrect"), turns=2)
    setup.evaluator = CountingEvaluator()

    run(setup, memory=memory_of(setup.log))

    assert 2 == len(setup.evaluator.judged)


@pytest.mark.parametrize(
    ("verdict", "reason", "device", "expected"),
    [
        (Verdict.TIMED_OUT, "time_limit", "cpu:0", True),
        (Verdict.CRASHED, "signal:11", "GPU-1", True),
        (Verdict.CRASHED, "signal:11", "cpu:0", False),
        (Verdict.CRASHED, "exit:1", "GPU-1", False),
        (Verdict.INCORRECT, "values", "GPU-1", False),
    ],
)
def test_costly_is_what_hung_and_what_a_gpu_may_have_killed(verdict, reason, device, expected):
    judged = evaluation(verdict, reason=reason, device=device)

    assert expected is is_costly(judged)
    assert (Condition.HUNG if expected else Condition.SOUND) is condition_after(Evaluated(judged))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("device", Condition.HUNG),
        ("hardware", Condition.BROKEN),
        ("survivors", Condition.SURVIVORS),
        ("evaluator", Condition.SOUND),
    ],
)
def test_a_fault_says_in_which_condition_the_device_is_left(kind, expected):
    assert expected is condition_after(Fault(kind, "it broke"))


def test_the_pool_is_told_of_a_hang():
    setup = story_of(HANGING, completion("incorrect"), turns=2)
    pool = WatchedPool()

    run(setup, devices=pool)

    assert [Condition.HUNG, Condition.SOUND] == pool.conditions


def test_a_result_under_a_stale_grant_is_refused_and_the_candidate_judged_again():
    setup = story_of(completion("passed"), turns=1)

    run(setup, devices=WatchedPool(stale=1))

    (fault,) = events(setup, "evaluation_faulted")
    assert ("device", "device cpu:0 was lost while it was held") == (fault.fault, fault.message)
    assert [None] == [event.held_s for event in events(setup, "lease_released")][:1]
    assert ["passed"] == [turn.outcome for turn in setup.trajectory().turns]
    assert 1 == len(events(setup, "evaluation_completed"))


def test_evaluations_of_one_problem_and_settings_have_one_affinity_and_others_another():
    setup = Setup(completions=[completion("passed")] * 3, problems=TWO)
    pool = WatchedPool()

    run(setup, devices=pool)

    assert 6 == len(pool.affinities)
    assert 2 == len(set(pool.affinities))
    assert "" not in pool.affinities


def test_evaluations_of_one_problem_are_done_one_after_the_other():
    setup = Setup(completions=[completion("passed")], problems=TWO)
    setup.spec = replace(with_turns(setup.spec, 1), samples=6)
    setup.evaluator = CountingEvaluator()
    lanes = Lanes(12, Capacity(12).share(1), Capacity(12).share(1), Capacity(12).share(1))

    run(setup, lanes=lanes, devices=MemoryDevicePool(1))

    switches = sum(a != b for a, b in zip(setup.evaluator.judged, setup.evaluator.judged[1:], strict=False))
    assert 12 == len(setup.evaluator.judged)
    assert switches <= 2


class SlowQueuePool(MemoryDevicePool):
    """Everybody waits for a thousand seconds and holds for one."""

    async def acquire(self, request: str, *, affinity: str = "") -> Grant:
        return replace(await super().acquire(request, affinity=affinity), waited_s=1000.0)

    async def release(self, grant: Grant, *, condition: Condition = Condition.SOUND) -> float:
        await super().release(grant, condition=condition)
        return 1.0


def test_waiting_for_a_device_counts_for_no_device_budget():
    setup = story_of(*[completion("incorrect")] * 20, turns=20)
    setup.spec = replace(setup.spec, budget=replace(setup.spec.budget, device_s=3.0))

    run(setup, devices=SlowQueuePool())

    (exhausted,) = events(setup, "budget_exhausted")
    assert ("device", 3.0) == (exhausted.budget, exhausted.spent)
    assert 3 == len(setup.trajectory().turns)
    assert [1000.0] * 3 == [event.waited_s for event in events(setup, "lease_granted")]
