"""Auditing a problem: the supervisor's side, and the trusted child that looks at it (`vacuity`).

The child's imports of torch are its own; nothing of it is imported here.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from caesar.domain import Problem
from caesar.effects import Precision
from caesar.errors import Fault
from caesar.sandbox.folders import job_folder
from caesar.sandbox.job import Ended, How, Job
from caesar.sandbox.zygote import Zygote

__all__ = ["AuditedFlaw", "audit", "main"]

_TARGET = "caesar.evaluators.audit:main"
_SEEDS = (11, 1213, 141_516)
_OUTPUT_BYTES = 1 << 20
_TEXT_CHARS = 300


class AuditedFlaw(msgspec.Struct, frozen=True):
    """One flaw of a problem (`vacuity.FlawKind`)."""

    kind: str
    detail: str
    vacuous: bool
    """Whether a candidate passes by it that computes nothing of what was asked."""


@dataclass(frozen=True, slots=True)
class _Task:
    source: str
    cuda: bool
    precision: Precision


async def audit(
    zygote: Zygote,
    problem: Problem,
    *,
    device: str,
    precision: Precision,
    limit_s: float,
    env: Mapping[str, str],
) -> tuple[AuditedFlaw, ...]:
    """The problem's flaws, looked at on a device that the caller holds.

    Fault where it can't be looked at, in words that follow the problem's name, which the caller says.
    """
    cuda = not device.startswith("cpu:")
    task = _Task(problem.source, cuda, precision)
    with job_folder("audit") as folder:
        job = Job(
            _TARGET,
            msgspec.json.encode(task),
            folder,
            limit_s=limit_s,
            output_bytes=_OUTPUT_BYTES,
            env={**env, "CUDA_VISIBLE_DEVICES": device if cuda else ""},
        )
        ended = await zygote.run(job)
    if ended.how is not How.EXITED or ended.code != 0 or len(ended.replies) != 1:
        raise Fault("reference", f"can't be audited: {_why(ended, limit_s=limit_s)}")
    return tuple(msgspec.json.decode(ended.replies[0], type=list[AuditedFlaw]))


def _why(ended: Ended, *, limit_s: float) -> str:
    """How the child that looked at the problem ended, with its last words if it left any."""
    match ended.how:
        case How.TIMED_OUT:
            return f"that takes longer than {limit_s:g} s; give it more with --limit"
        case How.SIGNALLED:
            how = f"its process died of signal {ended.code}"
        case How.EXITED:
            how = f"its process ended with status {ended.code} and without an answer"
        case _:
            how = f"its process was ended ({ended.how})"
    last = ended.output.strip().rpartition("\n")[2][:_TEXT_CHARS]
    if last and ended.how is How.EXITED and ended.code != 0:
        return last  # what was raised
    return f"{how}: {last}" if last else how


def main(payload: bytes, reply: Callable[[bytes], None]) -> None:
    """Look at the problem in the payload; reply its flaws as a JSON list. Runs in a trusted child."""
    task = msgspec.json.decode(payload, type=_Task)
    device = importlib.import_module("caesar.evaluators.device").open_device(cuda=task.cuda)
    load = importlib.import_module("caesar.evaluators.reference").load_reference
    flaws_of = importlib.import_module("caesar.evaluators.vacuity").flaws_of
    reference = load(task.source, device=device, precision=task.precision)
    flaws = flaws_of(reference, tolerance=task.precision.tolerance, seeds=_SEEDS)
    reply(json.dumps([{"kind": f.kind, "detail": f.detail, "vacuous": f.vacuous} for f in flaws]).encode())
