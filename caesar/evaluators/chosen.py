"""The evaluator that asks whom the spec names: us, KernelBench, or both."""

from __future__ import annotations

import time
from dataclasses import replace

from caesar.domain import Problem
from caesar.effects import Evaluate, Evaluated, EvaluationSettings, Grant, JudgeKind
from caesar.errors import UsageError
from caesar.evaluators.baselines import Conditions, Measurement
from caesar.evaluators.installation import Installation
from caesar.evaluators.kernelbench import KernelBenchJudge, evaluated_of
from caesar.evaluators.local import LocalEvaluator
from caesar.evaluators.verdicts import VERSION

__all__ = ["ChosenEvaluator", "version_of"]


def version_of(installation: Installation | None) -> str:
    """The evaluator's version; KernelBench's is part of it where KernelBench may be asked."""
    return VERSION if installation is None else f"{VERSION}+{installation.version}"


class ChosenEvaluator:
    """Our evaluator, and KernelBench's in its stead or beside it.

    Asked for both, the verdict and the times are ours; KernelBench's are a value of their own in the
    result, from the same lease, and change nothing.
    """

    def __init__(self, ours: LocalEvaluator, kernelbench: KernelBenchJudge | None, *, isolation: str) -> None:
        self._ours = ours
        self._kernelbench = kernelbench
        self._isolation = isolation

    @property
    def isolation(self) -> str:
        """The tier that candidates are judged in."""
        return self._isolation

    @property
    def version(self) -> str:
        """Pinned by a run."""
        return version_of(None if self._kernelbench is None else self._kernelbench.installation)

    async def evaluate(self, evaluate: Evaluate, grant: Grant) -> Evaluated:
        """The evaluation; Fault where no verdict was possible; cancelling ends its whole process tree."""
        match evaluate.settings.judge:
            case JudgeKind.CAESAR:
                return await self._ours.evaluate(evaluate, grant)
            case JudgeKind.KERNELBENCH:
                return await self._by_kernelbench(evaluate, grant)
            case JudgeKind.BOTH:
                evaluated = await self._ours.evaluate(evaluate, grant)
                return await self._with_kernelbench(evaluate, grant, evaluated)

    async def conditions(self, settings: EvaluationSettings, grant: Grant) -> Conditions:
        """What baselines on the granted device depend on; see BaselineMeter."""
        return await self._ours.conditions(settings, grant)

    async def measure_baseline(
        self, problem: Problem, settings: EvaluationSettings, grant: Grant
    ) -> tuple[Measurement, ...]:
        """The baselines that the settings ask for, measured now by our judge; see BaselineMeter."""
        return await self._ours.measure_baseline(problem, settings, grant)

    async def vacate(self, device: str) -> None:
        """End what is kept on a device."""
        await self._ours.vacate(device)

    async def close(self) -> None:
        """End whatever is kept on any device."""
        await self._ours.close()

    async def _with_kernelbench(self, evaluate: Evaluate, grant: Grant, evaluated: Evaluated) -> Evaluated:
        began = time.monotonic()
        await self.vacate(grant.device)  # its buffers would be in KernelBench's way
        judgement = await self._asked().judge(evaluate, grant)
        environment = evaluated.evaluation.environment.booking("kernelbench", time.monotonic() - began)
        evaluation = replace(evaluated.evaluation, environment=environment, kernelbench=judgement.result)
        return replace(evaluated, evaluation=evaluation)

    async def _by_kernelbench(self, evaluate: Evaluate, grant: Grant) -> Evaluated:
        judgement = await self._asked().judge(evaluate, grant)
        return evaluated_of(evaluate, grant, judgement, isolation=self._isolation)

    def _asked(self) -> KernelBenchJudge:
        if self._kernelbench is None:
            raise UsageError("this evaluator was opened without KernelBench; set KERNELBENCH_ROOT")
        return self._kernelbench
