"""Choosing problems of a suite by id, by range and by name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from caesar.domain import Problem
from caesar.errors import UsageError
from caesar.problems.suite import Suite

__all__ = ["select"]

_RANGE = re.compile(r"([0-9]+)-([0-9]+)")
_SHOWN = 12  # so many ids are listed in full


def select(suite: Suite, *, ids: Sequence[str] | None, limit: int | None) -> tuple[Problem, ...]:
    """The chosen problems in the suite's order, each once; UsageError where a choice matches none.

    An id is a problem's id, an inclusive range of numbers ("10-20", of which those that exist are
    taken), or a problem's name in any case. `limit` keeps the first so many; None chooses all.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"the limit on problems must be at least 1, not {limit}")
    if ids is not None and not ids:
        raise UsageError("an empty list of ids chooses no problem; leave ids out to choose all")
    if ids is None:
        return suite.problems[:limit]
    chosen = {problem.id for wanted in ids for problem in _matching(suite, wanted)}
    return tuple(problem for problem in suite.problems if problem.id in chosen)[:limit]


def _matching(suite: Suite, wanted: str) -> tuple[Problem, ...]:
    found = (
        tuple(problem for problem in suite.problems if problem.id == wanted)
        or _in_range(suite.problems, wanted)
        or tuple(problem for problem in suite.problems if _plain(wanted) in _names(problem))
    )
    if not found:
        raise _unmatched(suite, wanted)
    return found


def _in_range(problems: Sequence[Problem], wanted: str) -> tuple[Problem, ...]:
    match = _RANGE.fullmatch(wanted)
    if match is None:
        return ()
    first, last = int(match[1]), int(match[2])
    return tuple(problem for problem in problems if _numbered(problem) and first <= int(problem.id) <= last)


def _numbered(problem: Problem) -> bool:
    return problem.id.isascii() and problem.id.isdecimal()


def _names(problem: Problem) -> tuple[str, str]:
    return _plain(problem.name), _plain(f"{problem.id}_{problem.name}")


def _plain(name: str) -> str:
    return name.strip("_").casefold()


def _unmatched(suite: Suite, wanted: str) -> UsageError:
    ids = [problem.id for problem in suite.problems]
    near = _near(suite, wanted)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it has {_listed(ids)}"
    return UsageError(f"the suite {suite.name} has no problem {wanted!r}; {hint}")


def _near(suite: Suite, wanted: str) -> tuple[str, ...]:
    if _RANGE.fullmatch(wanted) or wanted.isdecimal():
        return ()  # a number's neighbours by spelling are no likelier to be meant
    names = {_plain(problem.name): f"{problem.id} ({problem.name})" for problem in suite.problems}
    return tuple(names[name] for name in difflib.get_close_matches(_plain(wanted), names, n=3))


def _listed(ids: Sequence[str]) -> str:
    if len(ids) <= _SHOWN:
        return ", ".join(ids)
    return f"{', '.join(ids[:3])} ... {ids[-1]} ({len(ids)} problems)"
