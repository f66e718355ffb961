"""A spec: what one file says to run, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from caesar.domain import Context, Outcome
from caesar.effects import Backend, EvaluationSettings, Limits, ModelSettings

__all__ = ["Budget", "Concurrency", "ProblemSelection", "ResultRule", "Spec", "StateSpec"]


@dataclass(frozen=True, slots=True)
class ProblemSelection:
    """Which problems of which suite."""

    suite: str
    """starter, kernelbench/level1, a folder's or file's path, or hub/level1."""
    ids: tuple[str, ...] | None = None
    """Single ids and inclusive ranges ("10-20"), as written; None for all."""
    limit: int | None = None
    """At most so many, in the suite's order."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one trajectory may spend; None is no limit. Checked where a turn would begin."""

    turns: int | None = None
    tokens: int | None = None
    usd: float | None = None
    wall_s: float | None = None
    device_s: float | None = None
    """Seconds of leased device time; waiting for a device is not counted."""


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How much goes on at once in one process; None lets the engine choose by the machine."""

    trajectories: int | None = None
    models: int | None = None
    builds: int | None = None
    devices: int | None = None


@dataclass(frozen=True, slots=True)
class StateSpec:
    """One state: its action and where each outcome leads."""

    name: str
    action: str
    on: Mapping[Outcome, str]
    """Every outcome of the action, `otherwise` resolved, to a state's name."""
    result: str | None = None
    """best or last, for a finish state; None elsewhere."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A resolved spec: defaults filled in, overrides applied, checked."""

    name: str
    about: str
    problems: ProblemSelection
    samples: int
    seed: int
    model: ModelSettings
    budget: Budget
    evaluation: EvaluationSettings
    context: Context
    limits: Limits
    concurrency: Concurrency
    start: str
    states: Mapping[str, StateSpec]
    backend: Backend | None = None
    """None for auto: the engine takes cuda where there is a GPU, else cpu."""
    examples: str = "builtin"
    """Whose one-shot example the prompt shows: builtin or none."""
