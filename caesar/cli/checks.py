"""What `caesar doctor` says of one thing that it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Check", "State"]


class State(StrEnum):
    """How a thing stands."""

    WORKS = "works"
    LACKS = "lacks"
    """Something optional is missing."""
    FAILS = "fails"
    """Runs can't be made without it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    what: str
    state: State
    found: str
    advice: str | None = None
    """What to do about it, where something is to be done."""

    @property
    def line(self) -> str:
        """What was found and what to do about it."""
        return self.found if self.advice is None else f"{self.found}; {self.advice}"
