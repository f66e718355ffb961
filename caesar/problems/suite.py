"""A suite: problems that belong together, as a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from caesar.domain import Problem
from caesar.errors import UsageError

__all__ = ["Suite"]


@dataclass(frozen=True, slots=True)
class Suite:
    """Problems that belong together, in the natural order of their ids."""

    name: str
    """As in a spec: starter, kernelbench/level1, hub/level1, or a path as it was written."""
    problems: tuple[Problem, ...]
    level: int | None = None
    """KernelBench's level; None where the suite has none."""
    dataset_name: str | None = None
    """What KernelBench's own tools call the data (KernelBench/level1); None elsewhere."""

    def __post_init__(self) -> None:
        if not self.problems:
            raise UsageError(f"the suite {self.name} holds no problems; give one that does")
        counts = Counter(problem.id for problem in self.problems)
        doubled = sorted(identity for identity, count in counts.items() if count > 1)
        if doubled:
            names = ", ".join(problem.name for problem in self.problems if problem.id == doubled[0])
            raise UsageError(
                f"the suite {self.name} has several problems with the id {doubled[0]} ({names});"
                " give each file its own number before the first underscore"
            )
