"""`caesar problems audit`: which problems would let a candidate pass that computes nothing."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from caesar.cli.files import lock_folder
from caesar.cli.machinery import backend_of, choose_devices, on_a_device, preloaded
from caesar.cli.output import counted, emit_json, emit_table, note
from caesar.devices.inventory import Device
from caesar.devices.pool import LockedDevicePool
from caesar.domain import Problem
from caesar.effects import Backend, Grant, Precision
from caesar.errors import Fault, UsageError
from caesar.evaluators.audit import AuditedFlaw, audit
from caesar.evaluators.local import hub_environment
from caesar.problems.suites import load_suite, missing_packages, select
from caesar.sandbox.zygote import Zygote

__all__ = ["audit_command"]


@dataclass(frozen=True, slots=True)
class _Audited:
    problem: Problem
    flaws: tuple[AuditedFlaw, ...]
    error: str | None = None
    """Why it could not be looked at."""


def audit_command(
    suite: str,
    *,
    ids: tuple[str, ...],
    precision: str,
    limit_s: float,
    kernelbench: Path | None,
    json: bool,
) -> int:
    """Audit a suite's problems on the first device; 0 if all could be looked at, 1 if not."""
    loaded = load_suite(suite, kernelbench=kernelbench, relative_to=Path.cwd())
    problems = select(loaded, ids=ids or None, limit=None)
    if precision not in tuple(Precision):
        raise UsageError(f"--precision {precision}: choose one of {', '.join(Precision)}")
    backend = backend_of(None)
    devices = choose_devices(backend, ())
    audited = asyncio.run(
        _audited(problems, devices[0], backend, precision=Precision(precision), limit_s=limit_s)
    )
    if json:
        emit_json([_document(one) for one in audited])
    else:
        _say(audited)
    return 1 if any(one.error for one in audited) else 0


async def _audited(
    problems: tuple[Problem, ...], device: Device, backend: Backend, *, precision: Precision, limit_s: float
) -> list[_Audited]:
    found = []

    async def everything(_: Grant) -> None:
        for problem in problems:
            found.append(await _one(zygote, problem, device.id, precision=precision, limit_s=limit_s))
            flaws = ", ".join(flaw.kind for flaw in found[-1].flaws) or found[-1].error or "sound"
            note(f"{problem.suite}/{problem.id} {problem.name}: {flaws}")

    async with (
        LockedDevicePool([device], folder=lock_folder()) as pool,
        Zygote(preload=preloaded(backend)) as zygote,
    ):
        await on_a_device(pool, "audit", everything)
    return found


async def _one(
    zygote: Zygote, problem: Problem, device: str, *, precision: Precision, limit_s: float
) -> _Audited:
    missing = missing_packages(problem)
    if missing:
        return _Audited(problem, (), f"needs the package {', '.join(missing)}, which is not installed")
    try:
        env = hub_environment(os.environ)
        flaws = await audit(zygote, problem, device=device, precision=precision, limit_s=limit_s, env=env)
    except Fault as fault:
        return _Audited(problem, (), str(fault))
    return _Audited(problem, flaws)


def _document(one: _Audited) -> dict[str, object]:
    return {
        "problem": f"{one.problem.suite}/{one.problem.id}",
        "name": one.problem.name,
        "vacuous": any(flaw.vacuous for flaw in one.flaws),
        "flaws": [msgspec.to_builtins(flaw) for flaw in one.flaws],
        "error": one.error,
    }


def _say(audited: list[_Audited]) -> None:
    rows = [
        (one.problem.id, one.problem.name, flaw.kind, "yes" if flaw.vacuous else "no", flaw.detail)
        for one in audited
        for flaw in one.flaws
    ]
    if rows:
        emit_table(("id", "name", "flaw", "vacuous", "detail"), rows)
    failed = sum(one.error is not None for one in audited)
    vacuous = sum(any(flaw.vacuous for flaw in one.flaws) for one in audited)
    note(f"{counted(len(audited), 'problem')}: {vacuous} vacuous, {failed} could not be looked at")
