"""Suites by name: the starter suite, a KernelBench checkout, a folder or file, the Hugging Face hub.

Problems are texts here: this room never imports torch and never executes a reference. Where a
checkout lies is the caller's to say; nothing is read from the environment and nothing downloaded,
except by `hub/...`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from importlib.resources import as_file, files
from pathlib import Path

from caesar.domain import Problem
from caesar.errors import UsageError
from caesar.problems.hub import hub_problems
from caesar.problems.references import missing_packages, problem_from
from caesar.problems.selection import select
from caesar.problems.suite import Suite

__all__ = ["SUITES", "Suite", "find", "load_suite", "missing_packages", "select"]

LEVELS = (1, 2, 3, 4)
"""KernelBench's levels."""

SUITES = (
    "starter",
    *(f"kernelbench/level{level}" for level in LEVELS),
    *(f"hub/level{level}" for level in LEVELS),
)
"""The suites that have a name; any other is a folder's or a file's path."""

_LEVELLED = re.compile(r"(kernelbench|hub)/level([0-9]+)")


def load_suite(name: str, *, kernelbench: Path | None, relative_to: Path) -> Suite:
    """The suite of that name; UsageError, saying how to get it, where it is not to be had.

    `kernelbench` is a checkout (its root or its KernelBench folder), needed by kernelbench/... only;
    a relative path is looked up below `relative_to`. Every problem is checked for the format.
    """
    if name == "starter":
        return _starter()
    if name in SUITES:
        source, level = _levelled(name)
        return _on_hub(name, level) if source == "hub" else _in_checkout(name, level, kernelbench)
    if not _looks_like_a_path(name):
        raise _unknown(name)
    try:
        path = relative_to / Path(name).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{name}: there is no such home folder; write the path out") from error
    return _at_path(name, path)


def find(reference: str, *, kernelbench: Path | None, relative_to: Path) -> Problem:
    """The one problem that SUITE/ID (or SUITE/NAME, or a file ending in .py) names."""
    if reference.endswith(".py"):
        return load_suite(reference, kernelbench=kernelbench, relative_to=relative_to).problems[0]
    name, slash, identity = reference.rpartition("/")
    if not (name and slash and identity):
        raise UsageError(f"{reference!r} names no problem: write SUITE/ID (starter/1) or the path of a file.py")
    suite = load_suite(name, kernelbench=kernelbench, relative_to=relative_to)
    chosen = select(suite, ids=[identity], limit=None)
    if len(chosen) > 1:
        ids = ", ".join(problem.id for problem in chosen)
        raise UsageError(f"{reference!r} names {len(chosen)} problems ({ids}): give one of their ids")
    return chosen[0]


def _levelled(name: str) -> tuple[str, int]:
    match = _LEVELLED.fullmatch(name)
    assert match is not None, name
    return match[1], int(match[2])


def _starter() -> Suite:
    with as_file(files("caesar") / "problems" / "starter") as folder:
        return Suite("starter", _read(folder.glob("*.py"), suite="starter", level=None))


def _in_checkout(name: str, level: int, root: Path | None) -> Suite:
    if root is None:
        raise UsageError(
            f"the suite {name} needs a KernelBench checkout: git clone"
            " https://github.com/ScalingIntelligence/KernelBench, then set KERNELBENCH_ROOT to that folder"
            " or pass it with --kernelbench (the suite starter needs nothing)"
        )
    folder = next((each for each in _level_folders(root, level) if each.is_dir()), None)
    if folder is None:
        raise UsageError(
            f"{root} is no KernelBench checkout: it holds neither KernelBench/level{level} nor level{level};"
            " give the root of a clone of ScalingIntelligence/KernelBench"
        )
    return Suite(name, _read(folder.glob("*.py"), suite=name, level=level), level, f"KernelBench/level{level}")


def _level_folders(root: Path, level: int) -> tuple[Path, ...]:
    return (root / "KernelBench" / f"level{level}", root / f"level{level}")


def _on_hub(name: str, level: int) -> Suite:
    return Suite(name, _ordered(hub_problems(name, level)), level, f"KernelBench/level{level}")


def _at_path(name: str, path: Path) -> Suite:
    if path.is_file():
        return Suite(name, (problem_from(path, suite=name),))
    if not path.is_dir():
        raise UsageError(f"there is no problem file and no folder of them at {path}{_near_named(name)}")
    problems = _read(path.glob("*.py"), suite=name, level=None)
    if not problems:
        below = sorted({file.parent.name for file in path.glob("*/*.py")})
        hint = f"; the folders {', '.join(below)} below it do" if below else ""
        raise UsageError(f"the folder {path} holds no problem files (*.py){hint}")
    return Suite(name, problems)


def _read(paths: Iterable[Path], *, suite: str, level: int | None) -> tuple[Problem, ...]:
    visible = sorted(path for path in paths if not path.name.startswith((".", "__")))
    return _ordered(problem_from(path, suite=suite, level=level) for path in visible)


def _ordered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=_natural))


def _natural(problem: Problem) -> tuple[bool, int, str]:
    numbered = problem.id.isascii() and problem.id.isdecimal()
    return (not numbered, int(problem.id) if numbered else 0, problem.id)


def _looks_like_a_path(name: str) -> bool:
    return "/" in name or name.startswith((".", "~")) or name.endswith(".py")


def _near_named(name: str) -> str:
    near = difflib.get_close_matches(name, SUITES, n=3, cutoff=0.8)
    return f"; did you mean the suite {' or '.join(near)}?" if near else ""


def _unknown(name: str) -> UsageError:
    hint = _near_named(name) or f"; the suites are {', '.join(SUITES)}, or a folder's path (./{name})"
    return UsageError(f"there is no suite {name!r}{hint}")
