"""Our judgement of a candidate beside KernelBench's own, where there are both."""

from __future__ import annotations

from dataclasses import dataclass

from caesar.domain import Evaluation, Timing, Verdict

__all__ = ["Comparison", "Difference"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One time of ours beside KernelBench's: means both, since a mean is all that it gives."""

    ours_ms: float
    kernelbench_ms: float
    difference_ms: float
    """Ours less KernelBench's."""
    percent: float
    """The difference as a share of KernelBench's, in percent."""

    @classmethod
    def of(cls, ours: Timing | None, kernelbench_ms: float | None) -> Difference | None:
        """None where one of the two was not measured."""
        if ours is None or kernelbench_ms is None:
            return None
        difference_ms = ours.mean_ms - kernelbench_ms
        return cls(ours.mean_ms, kernelbench_ms, difference_ms, 100 * difference_ms / kernelbench_ms)

    def __str__(self) -> str:
        return (
            f"{self.kernelbench_ms:.4g} and {self.ours_ms:.4g} ms (means,"
            f" {self.difference_ms:+.3g} ms, {self.percent:+.1f}%)"
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far we and KernelBench agree on a candidate."""

    verdicts_agree: bool
    candidate: Difference | None
    reference: Difference | None

    @classmethod
    def of(cls, evaluation: Evaluation) -> Comparison | None:
        """Both judgements side by side; None where there are not two."""
        theirs = evaluation.kernelbench
        if theirs is None or evaluation.evaluator == theirs.version:
            return None
        eager = next((baseline.timing for baseline in evaluation.baselines if baseline.name == "eager"), None)
        return cls(
            verdicts_agree=(evaluation.verdict is Verdict.PASSED) == theirs.correct,
            candidate=Difference.of(evaluation.timing, theirs.runtime_ms),
            reference=Difference.of(eager, theirs.reference_ms),
        )

    def __str__(self) -> str:
        parts = ["the verdicts agree" if self.verdicts_agree else "the verdicts differ"]
        for what, difference in (("candidate", self.candidate), ("reference", self.reference)):
            if difference is not None:
                parts.append(f"{what} {difference}")
        return "; ".join(parts)
