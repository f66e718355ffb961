"""`caesar evaluate`: build and judge one file, without a model and without a store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from caesar.cli.files import read_candidate
from caesar.cli.judged import say, say_as_json
from caesar.cli.machinery import Machinery, backend_of, choose_devices, kernelbench_for, machinery, on_a_device
from caesar.cli.output import note
from caesar.domain import Candidate, Problem, Verdict
from caesar.effects import (
    Backend,
    Build,
    Built,
    Evaluate,
    Evaluated,
    EvaluationSettings,
    JudgeKind,
    Limits,
    Precision,
    Request,
)
from caesar.errors import UsageError
from caesar.fsm.defects import Place, SpecError
from caesar.fsm.overrides import setting
from caesar.fsm.spec import load
from caesar.problems.suites import find

__all__ = ["EvaluateOptions", "evaluate_command", "rules_of"]

T = TypeVar("T", Backend, JudgeKind, Precision)

_SECTIONS = ("evaluation", "limits")
"""What of a spec says how a single candidate is built and judged."""

_SPEC = "{caesar: 1, name: evaluate, model: none, problems: starter, budget: {turns: 1}}"
"""The least spec: what it leaves out has a spec's defaults, and what is set in it is held to a spec's rules."""


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """The options of `caesar evaluate`."""

    file: Path
    problem: str
    backend: str
    precision: str
    judge: str
    settings: tuple[str, ...]
    """--set key=value, as written."""
    devices: tuple[str, ...]
    kernelbench: Path | None
    json: bool


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is to be done: a candidate, what for, and by which rules."""

    candidate: Candidate
    problem: Problem
    backend: Backend
    settings: EvaluationSettings
    limits: Limits


def evaluate_command(options: EvaluateOptions) -> int:
    """Judge a candidate; 0 if it passed, 1 if not."""
    piece = _piece(options)
    opened = machinery(
        choose_devices(piece.backend, options.devices),
        piece.backend,
        isolation=piece.settings.isolation,
        kernelbench=kernelbench_for(piece.settings.judge, piece.backend, root=options.kernelbench),
    )
    built, evaluated = asyncio.run(_judge(piece, opened))
    if options.json:
        say_as_json(piece.candidate, piece.problem, built, evaluated=evaluated)
    else:
        say(built, evaluated)
    return 0 if evaluated is not None and evaluated.evaluation.verdict is Verdict.PASSED else 1


def _piece(options: EvaluateOptions) -> _Piece:
    candidate = Candidate(read_candidate(options.file))
    problem = find(options.problem, kernelbench=options.kernelbench, relative_to=Path.cwd())
    backend = None if options.backend == "auto" else _choice(Backend, options.backend, flag="--backend")
    flags = {
        "evaluation.precision": _choice(Precision, options.precision, flag="--precision").value,
        "evaluation.judge": _choice(JudgeKind, options.judge, flag="--judge").value,
    }
    settings, limits = rules_of(flags, options.settings)
    return _Piece(candidate, problem, backend_of(backend), settings, limits)


def rules_of(flags: Mapping[str, str], written: Sequence[str]) -> tuple[EvaluationSettings, Limits]:
    """How a candidate is judged and what it may take, as a spec with these keys says; SpecError as of one.

    What is written with --set goes before what its own flag says.
    """
    given = dict(map(setting, written))
    strange = [key for key in given if key.partition(".")[0] not in _SECTIONS]
    if strange:
        message = "one candidate is judged by evaluation and limits alone"
        hint = f"set a key of {' or '.join(_SECTIONS)} (limits.evaluate=10s); docs/specs.md lists them"
        raise SpecError(tuple(Place(f"--set {key}").defect(message, hint) for key in strange))
    spec = load(_SPEC, file="--set", overrides={**flags, **given})
    return spec.evaluation, spec.limits


def _choice(kind: type[T], value: str, *, flag: str) -> T:
    try:
        return kind(value)
    except ValueError as error:
        auto = "auto, " if kind is Backend else ""
        raise UsageError(f"{flag} {value}: choose one of {auto}{', '.join(kind)}") from error


async def _judge(
    piece: _Piece, opened: AbstractAsyncContextManager[Machinery]
) -> tuple[Built, Evaluated | None]:
    candidate, problem = piece.candidate, piece.problem
    request = Request(f"evaluate/{problem.id}/0", turn=1, slot=0, action="evaluate")
    async with opened as machine:
        note(f"building and judging {candidate.digest[:12]} against {problem.suite}/{problem.id}")
        asked = Build(request, candidate, backend=piece.backend, limits=piece.limits, problem=problem)
        built = await machine.builder.build(asked)
        if built.artifact is None:
            return built, None
        effect = Evaluate(
            request,
            problem,
            candidate=candidate,
            artifact=built.artifact,
            backend=piece.backend,
            settings=piece.settings,
            limits=piece.limits,
        )
        judged = on_a_device(
            machine.devices, request.id, lambda grant: machine.evaluator.evaluate(effect, grant)
        )
        return built, await judged
