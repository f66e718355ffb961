"""KernelBench's problems from the Hugging Face hub, where `datasets` is installed and the hub reachable.

`datasets` is imported only when a hub suite is asked for; it keeps its own cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from caesar.domain import Problem
from caesar.errors import UsageError
from caesar.problems.references import problem_of

__all__ = ["DATASET", "hub_problems"]

DATASET = "ScalingIntelligence/KernelBench"
"""The data set's name on the hub; its splits are level_1 to level_4."""


def hub_problems(suite: str, level: int) -> tuple[Problem, ...]:
    """A level's problems in the data set's order; UsageError where they can't be had."""
    return tuple(_problem(row, suite=suite, level=level) for row in _rows(suite, level))


def _rows(suite: str, level: int) -> Iterable[Mapping[str, Any]]:
    try:
        import datasets  # noqa: PLC0415  # an extra, and slow to import
    except ImportError as error:
        raise UsageError(
            f"the suite {suite} needs the package datasets: pip install 'caesar[hub]',"
            f" or use kernelbench/level{level} with a checkout"
        ) from error
    try:
        rows: Iterable[Mapping[str, Any]] = datasets.load_dataset(DATASET, split=f"level_{level}")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the suite {suite} can't be fetched from the hub ({type(error).__name__}: {error});"
            f" check the connection, or use kernelbench/level{level} with a checkout"
        ) from error
    return rows


def _problem(row: Mapping[str, Any], *, suite: str, level: int) -> Problem:
    try:
        identity, name, source = str(row["problem_id"]), str(row["name"]), str(row["code"])
    except KeyError as error:
        raise UsageError(f"the data set {DATASET} has no column {error}: its layout has changed") from error
    stem = f"{identity}_{name.removeprefix(f'{identity}_')}"
    return problem_of(source, stem=stem, suite=suite, level=level, where=f"{suite}/{identity}")
