"""Whom the spec's judge asks, and what becomes of two judgements."""

import asyncio
from dataclasses import replace

from evaluation_cases import GRANT, QUICK, evaluation_of

from caesar.domain import Environment, Evaluation, KernelBenchResult, Trust, Verdict
from caesar.effects import Evaluated, JudgeKind
from caesar.evaluators.chosen import ChosenEvaluator
from caesar.evaluators.kernelbench import Judgement

ENVIRONMENT = Environment("cpu:0", "a processor", "2.13", None, "fp32", "none", Trust.NONE, {"judge": 1.0})
OURS = Evaluated(Evaluation(Verdict.INCORRECT, ENVIRONMENT, "4", reason="values"))
THEIRS = KernelBenchResult("kernelbench-1", compiled=True, correct=True)


class Ours:
    def __init__(self):
        self.vacated = []

    async def evaluate(self, evaluate, grant):
        return OURS

    async def vacate(self, device):
        self.vacated.append(device)


class Theirs:
    async def judge(self, evaluate, grant):
        return Judgement(THEIRS, "a processor", "2.13", None, 1.0)


def test_asked_for_both_the_verdict_is_ours_and_the_time_of_both_is_booked():
    ours = Ours()
    evaluator = ChosenEvaluator(ours, Theirs(), isolation="none")
    work = evaluation_of(settings=replace(QUICK, judge=JudgeKind.BOTH))

    evaluation = asyncio.run(evaluator.evaluate(work, GRANT)).evaluation

    assert (Verdict.INCORRECT, THEIRS, [GRANT.device]) == (
        evaluation.verdict,
        evaluation.kernelbench,
        ours.vacated,
    )
    assert ["judge", "kernelbench"] == sorted(evaluation.environment.seconds)
