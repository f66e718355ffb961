"""What a run pinned, read back from its store: enough to continue or to fork it without its spec's file.

A request that was open when a process died is closed by the loop itself (`machine.Close`); what is
here only says which spec, problems and templates the run goes on with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from caesar.domain import Digest, Problem
from caesar.engine.plan import Run
from caesar.fsm.spec import Spec, from_resolved

__all__ = ["Pinned", "Texts", "pinned", "pinned_problems"]

Texts = Callable[[Sequence[Digest]], Mapping[Digest, str]]
"""The texts of digests: an event log's `texts`."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """The texts that a run depends on, as it pinned them."""

    spec: Spec
    problems: tuple[Problem, ...]
    templates: Mapping[str, str]


def pinned(run: Run, texts: Texts) -> Pinned:
    """What the run pinned; StoreError where a text is missing, damaged, or a newer program's."""
    known = texts((run.spec, *run.templates.values()))
    return Pinned(
        spec=from_resolved(msgspec.json.decode(known[run.spec])),
        problems=pinned_problems(run, texts),
        templates={name: known[digest] for name, digest in run.templates.items()},
    )


def pinned_problems(run: Run, texts: Texts) -> tuple[Problem, ...]:
    """The run's problems in order, with their sources as it pinned them; StoreError as for `pinned`."""
    known = texts([problem.source for problem in run.problems])
    return tuple(
        Problem(run.suite, problem.id, problem.name, known[problem.source], problem.level)
        for problem in run.problems
    )
