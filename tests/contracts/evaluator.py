"""What every `ports.Evaluator` does. A subclass named Test* opens the evaluator.

The candidates say in a comment what they come to, for evaluators that run nothing, and do come to
it, for those that run them.
"""

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from caesar.domain import Candidate, Problem, Verdict, digest_of
from caesar.effects import Backend, Evaluate, EvaluationSettings, Grant, Limits, Request
from caesar.errors import Fault
from caesar.ports import Evaluator

PROBLEM = """
import torch
from torch import nn

class Model(nn.Module):
    def forward(self, x):
        return torch.relu(x)

def get_inputs():
    return [torch.rand(16) - 0.5]

def get_init_inputs():
    return []
"""

MODEL = """
import torch, os, time
from torch import nn

class ModelNew(nn.Module):
    def forward(self, x):
        return {expression}
"""

CANDIDATES = {
    Verdict.PASSED: "# caesar: passed 0.5\n" + MODEL.format(expression="x.clamp(min=0)"),
    Verdict.INCORRECT: "# caesar: incorrect\n" + MODEL.format(expression="x"),
    Verdict.CRASHED: "# caesar: crashed\n" + MODEL.format(expression="1 / 0"),
    Verdict.TIMED_OUT: "# caesar: timed_out\n" + MODEL.format(expression="time.sleep(3600)"),
}

GRANT = Grant("cpu:0", token=1, waited_s=0.0)
LIMIT_S = 10.0


def request_for(source, *, limit_s=60.0):
    return Evaluate(
        request=Request("run/1/0", turn=1, slot=0, action="evaluate"),
        problem=Problem("contracts", "1", "relu", PROBLEM),
        candidate=Candidate(source),
        artifact="/nowhere",
        backend=Backend.CPU,
        settings=EvaluationSettings(correctness_trials=2, timing_trials=3, timing_s=0.1),
        limits=Limits(evaluate_s=limit_s),
    )


class EvaluatorContract(ABC):
    """The contract suite of the port."""

    @abstractmethod
    def open_evaluator(self, folder: Path) -> AbstractAsyncContextManager[Evaluator]:
        """An evaluator, ready for the time of the block."""

    @pytest.fixture
    def evaluate(self, tmp_path):
        """Judge some candidates, one after the other, with one evaluator."""

        async def judge(sources, limit_s):
            async with self.open_evaluator(tmp_path) as evaluator:
                return [
                    await evaluator.evaluate(request_for(source, limit_s=limit_s), GRANT) for source in sources
                ]

        return lambda *sources, limit_s=60.0: asyncio.run(judge(sources, limit_s))

    def test_a_passed_evaluation_has_timing_and_baseline_with_their_samples(self, evaluate):
        (evaluated,) = evaluate(CANDIDATES[Verdict.PASSED])

        evaluation = evaluated.evaluation
        assert Verdict.PASSED is evaluation.verdict
        assert (2, 2) == (evaluation.trials_passed, evaluation.trials)
        assert evaluation.speedup > 0
        assert evaluation.timing.samples in evaluated.texts
        assert evaluation.baselines[0].timing.samples in evaluated.texts

    @pytest.mark.parametrize("verdict", [Verdict.INCORRECT, Verdict.CRASHED])
    def test_any_other_verdict_has_a_reason_and_no_timing(self, evaluate, verdict):
        (evaluated,) = evaluate(CANDIDATES[verdict])

        assert verdict is evaluated.evaluation.verdict
        assert evaluated.evaluation.reason
        assert evaluated.evaluation.timing is None

    def test_a_candidate_that_hangs_timed_out(self, evaluate):
        (evaluated,) = evaluate(CANDIDATES[Verdict.TIMED_OUT], limit_s=LIMIT_S)

        assert (Verdict.TIMED_OUT, "time_limit") == (evaluated.evaluation.verdict, evaluated.evaluation.reason)

    def test_texts_are_named_by_their_digests(self, evaluate):
        (evaluated,) = evaluate(CANDIDATES[Verdict.CRASHED])

        assert evaluated.evaluation.detail in evaluated.texts
        assert all(digest == digest_of(text) for digest, text in evaluated.texts.items())

    def test_an_evaluation_tells_its_device_and_what_its_verdict_is_worth(self, evaluate):
        (evaluated,) = evaluate(CANDIDATES[Verdict.PASSED])

        environment = evaluated.evaluation.environment
        assert "cpu:0" == environment.device
        assert "fp32" == environment.precision
        assert environment.isolation

    def test_a_bad_candidate_does_not_spoil_the_next_evaluation(self, evaluate):
        verdicts = [Verdict.CRASHED, Verdict.PASSED, Verdict.INCORRECT, Verdict.PASSED]

        evaluated = evaluate(*(CANDIDATES[verdict] for verdict in verdicts))

        assert verdicts == [each.evaluation.verdict for each in evaluated]

    def test_the_version_is_that_of_every_evaluation(self, tmp_path):
        async def versions():
            async with self.open_evaluator(tmp_path) as evaluator:
                evaluated = await evaluator.evaluate(request_for(CANDIDATES[Verdict.PASSED]), GRANT)
                return evaluator.version, evaluated.evaluation.evaluator

        version, used = asyncio.run(versions())

        assert version
        assert version == used

    def test_a_fault_is_raised_never_returned(self, tmp_path):

        async def faulty():
            async with self.open_evaluator(tmp_path) as evaluator:
                await evaluator.evaluate(self.faulty_request(), GRANT)

        with pytest.raises(Fault):
            asyncio.run(faulty())

    @abstractmethod
    def faulty_request(self) -> Evaluate:
        """A request that no candidate is to be blamed for."""
