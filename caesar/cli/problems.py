"""`caesar problems list` and `caesar problems show`."""

from __future__ import annotations

from pathlib import Path

from caesar.cli.output import emit_json, emit_table, emit_text
from caesar.domain import Problem
from caesar.problems.suites import find, load_suite

__all__ = ["list_command", "show_command"]


def list_command(suite: str, *, kernelbench: Path | None, json: bool) -> None:
    """Print a suite's problems in order."""
    loaded = load_suite(suite, kernelbench=kernelbench, relative_to=Path.cwd())
    if json:
        emit_json([_summary(problem) for problem in loaded.problems])
        return
    rows = [(problem.id, problem.name, problem.digest[:12]) for problem in loaded.problems]
    emit_table(("id", "name", "source"), rows)


def show_command(problem: str, *, kernelbench: Path | None, json: bool) -> None:
    """Print a problem's reference source."""
    found = find(problem, kernelbench=kernelbench, relative_to=Path.cwd())
    if json:
        emit_json({**_summary(found), "source": found.source})
        return
    emit_text(found.source)


def _summary(problem: Problem) -> dict[str, object]:
    return {
        "suite": problem.suite,
        "id": problem.id,
        "name": problem.name,
        "level": problem.level,
        "digest": problem.digest,
    }
