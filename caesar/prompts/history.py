"""Which earlier turns a prompt shows, and what it knows of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, assert_never

from caesar.domain import Evaluation, History

__all__ = ["TurnView", "shown"]

T = TypeVar("T")
"""A turn in any form: shown turns are chosen before their texts are read."""


@dataclass(frozen=True, slots=True)
class TurnView:
    """One ended turn with its texts, as far as it came."""

    number: int
    """From 1."""
    outcome: str | None
    """no_code, build_failed, build_timed_out or the verdict; None where nothing decided it."""
    candidate: str | None = None
    """The candidate's source, exactly; None where the completion held none."""
    build_log: str | None = None
    """The compiler's and the module's words, untrusted; None where nothing was built."""
    build_reason: str | None = None
    """Why the build failed, as the builder said it; None where it did not."""
    evaluation: Evaluation | None = None
    detail: str | None = None
    """The text that `evaluation.detail` names, untrusted."""
    feedback: str | None = None
    """What was rendered when the turn ended; None where nothing was rendered yet."""

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError(f"turns count from 1, not {self.number}")


def shown(history: History, turns: Sequence[T]) -> tuple[T, ...]:
    """The turns a history shows, in their order; the turns come oldest first."""
    match history:
        case History.NONE:
            return ()
        case History.LAST:
            return tuple(turns[-1:])
        case History.ALL:
            return tuple(turns)
    assert_never(history)
