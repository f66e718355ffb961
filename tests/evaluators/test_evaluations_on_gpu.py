"""Whole evaluations on a GPU: the same code as on the CPU, with events, cache flushes and device inputs."""

import asyncio
import os

import pytest
import torch
from evaluation_cases import CANDIDATE, evaluation_of, returning

from caesar.devices.inventory import inventory
from caesar.domain import Verdict
from caesar.effects import EvaluationSettings, Grant, Precision
from caesar.evaluators.local import LocalEvaluator
from caesar.sandbox.zygote import Zygote

pytestmark = [
    pytest.mark.slow,
    pytest.mark.requires_cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]


@pytest.fixture
def judge(tmp_path):
    """Judge a candidate on the first GPU."""
    device = inventory(environ=os.environ)[0]

    async def judged(candidate, request):
        async with Zygote() as zygote:
            evaluator = LocalEvaluator(zygote=zygote, scratch=tmp_path, device_names={})
            return await evaluator.evaluate(
                evaluation_of(candidate, **request), Grant(device.id, token=1, waited_s=0.0)
            )

    return lambda candidate=CANDIDATE, **request: asyncio.run(judged(candidate, request)).evaluation


@pytest.mark.parametrize("precision", list(Precision))
def test_an_equal_candidate_passes_in_every_precision(judge, precision):
    settings = EvaluationSettings(precision=precision, correctness_trials=2, timing_trials=10)

    evaluation = judge(settings=settings)

    assert (Verdict.PASSED, None) == (evaluation.verdict, evaluation.reason)
    assert 10 == evaluation.timing.trials
    assert evaluation.environment.cuda
    assert evaluation.environment.device_name == torch.cuda.get_device_name(0)


@pytest.mark.parametrize(
    ("candidate", "verdict", "reason"),
    [
        (returning("self.linear(x)"), Verdict.INCORRECT, "values"),
        (returning("torch.relu(self.linear(x)).cpu()"), Verdict.INCORRECT, "device"),
        (returning("torch.empty(1 << 48, device=x.device)"), Verdict.CRASHED, "out_of_memory"),
        (returning("torch.zeros(3, device=x.device)[x.long() + 99]"), Verdict.CRASHED, None),
    ],
)
def test_a_bad_candidate_comes_to_its_verdict_on_a_gpu(judge, candidate, verdict, reason):
    evaluation = judge(candidate)

    assert verdict is evaluation.verdict
    assert reason in (None, evaluation.reason)


def test_inputs_are_made_on_the_gpu(judge):
    reference = CANDIDATE.replace("class ModelNew(", "class Model(").replace(
        "torch.rand(4, 8) - 0.5", "torch.rand(4, 8) * (1 if torch.rand(1).is_cuda else 1 / 0)"
    )

    assert Verdict.PASSED is judge(reference=reference).verdict
