"""`caesar evaluate`: build and judge one file, without a model and without a store."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar

from caesar.cli.evidence import evaluation_document, evaluation_lines
from caesar.cli.files import read_candidate
from caesar.cli.machinery import Machinery, backend_of, choose_devices, kernelbench_for, machinery, on_a_device
from caesar.cli.output import emit_json, emit_text, note
from caesar.domain import BuildOutcome, Candidate, Evaluation, Problem, Verdict
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
from caesar.problems.suites import find

__all__ = ["evaluate_command"]

T = TypeVar("T", Backend, JudgeKind, Precision)


def evaluate_command(
    file: Path,
    *,
    problem: str,
    backend: str,
    precision: str,
    judge: str,
    devices: tuple[str, ...],
    kernelbench: Path | None,
    json: bool,
) -> int:
    """Judge a candidate; 0 if it passed, 1 if not."""
    candidate = Candidate(read_candidate(file))
    found = find(problem, kernelbench=kernelbench, relative_to=Path.cwd())
    chosen = backend_of(None if backend == "auto" else _choice(Backend, backend, flag="--backend"))
    settings = EvaluationSettings(
        precision=_choice(Precision, precision, flag="--precision"),
        judge=_choice(JudgeKind, judge, flag="--judge"),
    )
    opened = machinery(
        choose_devices(chosen, devices),
        chosen,
        kernelbench=kernelbench_for(settings.judge, chosen, root=kernelbench),
    )
    work = _judge(candidate, found, settings, backend=chosen, opened=opened)
    built, evaluated = asyncio.run(work)
    if json:
        emit_json(_document(candidate, found, built, evaluated=evaluated))
    else:
        _say(built, evaluated)
    return 0 if evaluated is not None and evaluated.evaluation.verdict is Verdict.PASSED else 1


def _choice(kind: type[T], value: str, *, flag: str) -> T:
    try:
        return kind(value)
    except ValueError as error:
        raise UsageError(f"{flag} {value}: choose one of {', '.join(kind)}") from error


async def _judge(
    candidate: Candidate,
    problem: Problem,
    settings: EvaluationSettings,
    *,
    backend: Backend,
    opened: AbstractAsyncContextManager[Machinery],
) -> tuple[Built, Evaluated | None]:
    request = Request(f"evaluate/{problem.id}/0", turn=1, slot=0, action="evaluate")
    async with opened as machine:
        note(f"building and judging {candidate.digest[:12]} against {problem.suite}/{problem.id}")
        asked = Build(request, candidate, backend=backend, limits=Limits(), problem=problem)
        built = await machine.builder.build(asked)
        if built.artifact is None:
            return built, None
        effect = Evaluate(
            request,
            problem,
            candidate=candidate,
            artifact=built.artifact,
            backend=backend,
            settings=settings,
            limits=Limits(),
        )
        judged = on_a_device(
            machine.devices, request.id, lambda grant: machine.evaluator.evaluate(effect, grant)
        )
        return built, await judged


def _document(
    candidate: Candidate, problem: Problem, built: Built, *, evaluated: Evaluated | None
) -> dict[str, object]:
    evaluation = evaluated.evaluation if evaluated else None
    plain = evaluation_document(evaluation) if evaluation else {}
    environment = plain.get("environment", {})
    texts = evaluated.texts if evaluated else {}
    return {
        "candidate": candidate.digest,
        "problem": f"{problem.suite}/{problem.id}",
        "device": environment.get("device"),
        "verdict": _verdict(built, evaluation),
        "reason": evaluation.reason if evaluation else built.reason,
        "detail": texts.get(evaluation.detail or "") if evaluation else built.log,
        "mismatch": plain.get("mismatch"),
        "findings": plain.get("findings", []),
        "isolation": environment.get("isolation"),
        "trust": environment.get("trust"),
        "timing": plain.get("timing"),
        "baselines": plain.get("baselines", []),
        "speedup": plain.get("speedup"),
        "speedup_interval": plain.get("speedup_interval"),
        "looked_at": plain.get("looked_at", {}),
        "kernelbench": plain.get("kernelbench"),
        "environment": environment or None,
        "build": {"outcome": built.outcome, "cached": built.cached, "seconds": built.seconds},
    }


def _verdict(built: Built, evaluation: Evaluation | None) -> str:
    if evaluation is not None:
        return evaluation.verdict
    return "build_failed" if built.outcome is BuildOutcome.FAILED else "build_timed_out"


def _say(built: Built, evaluated: Evaluated | None) -> None:
    if evaluated is None:
        emit_text(f"{_verdict(built, None)}: {built.reason}, after {built.seconds:.1f} s\n{built.log}")
        return
    for line in evaluation_lines(evaluated.evaluation):
        emit_text(line)
    if evaluated.evaluation.detail is not None:
        emit_text(evaluated.texts[evaluated.evaluation.detail])
