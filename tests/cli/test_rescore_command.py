"""Which candidates KernelBench judges afterwards, and what is recorded of it."""

import asyncio
from dataclasses import replace

import pytest
from engine.worlds import Setup, completion, forked
from reports.written_log import RUN, WrittenLog, incorrect, passed

from caesar.cli.rescore import rescored, targets
from caesar.domain import BuildOutcome, KernelBenchResult
from caesar.effects import Backend, Built, Evaluated, JudgeKind
from caesar.engine.plan import fold_run
from caesar.errors import StoreError
from caesar.evaluators.scripted import ScriptedEvaluator
from caesar.ports import Append
from caesar.stores.memory import MemoryEventLog

SAID = KernelBenchResult("kernelbench-1", compiled=True, correct=True, runtime_ms=0.51, reference_ms=2.0)


def logged():
    """A run with a wrong candidate and two that passed, in a log to append to."""
    written = WrittenLog()
    written.start()
    trajectory = written.trajectory()
    trajectory.judged(1, incorrect(), code="wrong")
    trajectory.judged(2, passed(0.5), code="right")
    trajectory.judged(3, passed(0.4), code="faster")
    trajectory.finish(3, "passed")
    written.end_run(finished=1)
    log = MemoryEventLog(lambda: 0)
    for stream in (RUN, f"{RUN}/1/0"):
        events = tuple(each.event for each in written.envelopes if each.stream == stream)
        asyncio.run(log.append(Append(stream, 0, events, tuple(written.known.values()))))
    return log


class KernelBenchSays:
    """Builds anything; every judgement is one evaluation of KernelBench's."""

    def __init__(self, said=SAID):
        self.said = said
        self.asked = []

    async def build(self, build):
        return Built(BuildOutcome.BUILT, artifact="/artifact", log="", seconds=0.0)

    async def evaluate(self, evaluate):
        self.asked.append(evaluate)
        from caesar.effects import Grant

        evaluated = await ScriptedEvaluator().evaluate(evaluate, Grant("GPU-1", 1, 0.0))
        return Evaluated(replace(evaluated.evaluation, kernelbench=self.said), evaluated.texts)


def chosen(log, **options):
    options = {"every": False, "version": None, **options}
    return targets(log, fold_run(log.read(RUN)), **options)


def record(log, target, machine):
    from caesar.fsm.spec import load

    text = "caesar: 1\nname: n\nproblems: {suite: s}\nmodel: {name: m}\nbudget: {turns: 1}\n"
    spec = load(text, file="spec")
    event = asyncio.run(rescored(machine, target, spec=spec, backend=Backend.CUDA))
    asyncio.run(log.append(Append(RUN, len(log.read(RUN)), (event,))))
    return event


def test_the_candidates_that_passed_are_judged_again_and_with_all_the_others_too():
    log = logged()

    assert [2, 3] == [target.turn for target in chosen(log)]
    assert [1, 2, 3] == [target.turn for target in chosen(log, every=True)]


def test_a_target_carries_the_source_and_the_reference():
    first = chosen(logged())[0]

    assert ("right", "class Model: ... # 1") == (first.candidate.source, first.problem.source)


def test_the_event_says_what_both_said():
    log, machine = logged(), KernelBenchSays()

    event = record(log, chosen(log)[0], machine)

    assert (f"{RUN}/1/0", 2, "passed", 0.5, 4.0, SAID) == (
        event.trajectory,
        event.turn,
        event.verdict,
        event.runtime_ms,
        event.speedup,
        event.kernelbench,
    )
    assert JudgeKind.KERNELBENCH is machine.asked[0].settings.judge


def test_a_recorded_judgement_leaves_the_run_finished_and_its_trajectories_alone():
    log = logged()
    before = log.read(f"{RUN}/1/0")

    record(log, chosen(log)[0], KernelBenchSays())

    assert fold_run(log.read(RUN)).finished
    assert before == log.read(f"{RUN}/1/0")


def test_what_the_same_kernelbench_has_judged_is_left_out_the_next_time():
    log = logged()
    record(log, chosen(log)[0], KernelBenchSays())

    assert [3] == [target.turn for target in chosen(log, version="kernelbench-1")]
    assert [2, 3] == [target.turn for target in chosen(log, version="kernelbench-2")]


def test_an_evaluation_without_kernelbenchs_result_is_refused():
    log = logged()

    with pytest.raises(StoreError, match="without its result"):
        record(log, chosen(log)[0], KernelBenchSays(said=None))


def test_a_forks_own_candidates_are_judged_again_and_those_that_it_shares_are_left_to_its_parent():
    setup = Setup(completions=[completion("passed", name=name) for name in ("first", "second", "third")])
    setup.run()
    forked(setup, turn=2)

    found = targets(setup.log, fold_run(setup.log.read("FORK")), every=True, version=None)

    assert [("FORK/1/0", 3), ("FORK/2/0", 3)] == [(target.trajectory, target.turn) for target in found]
    assert "third" in found[0].candidate.source
