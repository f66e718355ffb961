"""What can be wrong with a spec, where, and what to do about it.

Defects are collected, not raised one by one: the person who wrote the spec sees all of them at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from caesar.errors import UsageError

__all__ = ["Defect", "Place", "SpecError", "meant", "named", "nearest", "shown"]

_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: in a file, or in an override, which has no lines."""

    file: str
    """The file's name as the caller gave it, or `--set KEY`."""
    line: int | None = None
    """From 1; None for an override."""
    column: int | None = None
    """In characters, from 1; None for an override."""

    def defect(self, message: str, hint: str | None = None) -> Defect:
        """A problem at this place."""
        return Defect(self.file, self.line, self.column, message, hint)


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is wrong with a spec."""

    file: str
    """The file's name as the caller gave it, or `--set KEY`."""
    line: int | None
    """From 1; None for an override."""
    column: int | None
    """In characters, from 1; None for an override."""
    message: str
    """What is wrong."""
    hint: str | None = None
    """What to do, where there is something to say."""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"
        return f"{place}: {self.message}" + (f"; {self.hint}" if self.hint else "")


class SpecError(UsageError):
    """A spec can't be run; carries every problem found, by position, those of overrides last."""

    def __init__(self, problems: Iterable[Defect]) -> None:
        self.problems = tuple(sorted(dict.fromkeys(problems), key=_position))
        """At least one; no two are equal."""
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that a misspelt word is nearest to; None where none is near."""
    near = get_close_matches(word[:_LONGEST_SHOWN], tuple(choices), n=1)
    return near[0] if near else None


def meant(word: str, choices: Iterable[str]) -> str | None:
    """A hint that names the nearest choice; None where none is near."""
    near = nearest(word, choices)
    return f"did you mean {near}?" if near else None


def named(name: str) -> str:
    """A name as a message can hold it: bare where it is short and printable, else quoted."""
    return name if name and name.isprintable() and len(name) <= _LONGEST_SHOWN else shown(name)


def shown(value: object) -> str:
    """A value as a message can quote it: on one line, printable, short."""
    match value:
        case None:
            return "nothing"
        case dict():
            return "a map"
        case list() | tuple():
            return "a list"
    text = json.dumps(value, ensure_ascii=False)
    text = text if text.isprintable() else json.dumps(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def _position(problem: Defect) -> tuple[bool, int, int]:
    return (problem.line is None, problem.line or 0, problem.column or 0)
