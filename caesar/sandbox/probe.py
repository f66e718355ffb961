"""Which tier works on this machine: found by trying, never by looking at versions or settings."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from caesar.errors import Fault, UsageError
from caesar.sandbox.box import Box, Tier
from caesar.sandbox.folders import job_folder
from caesar.sandbox.job import Ended, How, Job
from caesar.sandbox.probing import TARGET, Attempt, Findings
from caesar.sandbox.zygote import Zygote

__all__ = ["STRICTEST_FIRST", "Probe", "probe"]

STRICTEST_FIRST = (Tier.NAMESPACE, Tier.PROCESS)
"""The tiers that are worth trying."""

_LIMIT_S = 20.0
_CUDA_LIMIT_S = 90.0
_OUTPUT_BYTES = 1 << 20
_DISK_BYTES = 16 << 20
_TEXT_CHARS = 300
_PAUSE_S = 0.1
"""By then a zygote that was killed is seen to be dead."""


@dataclass(frozen=True, slots=True)
class Probe:
    """The strictest tier that works, and why those above it don't."""

    tier: Tier
    refused: Mapping[Tier, str] = field(default_factory=dict)
    """A sentence for each tier that was tried and does not hold."""
    remark: str | None = None
    """What is less than it could be in the tier that works."""

    def at_least(self, wanted: Tier) -> Tier:
        """The tier to use; UsageError where it is below the wanted one."""
        if self.tier.covers(wanted):
            return self.tier
        why = " ".join(self.refused.values()) or f"Tier {wanted} was not tried."
        raise UsageError(
            f"isolation: {wanted} can't be had on this machine, only {self.tier}. {why} Allow what it lacks,"
            f" use another machine, or set isolation: {self.tier} if you trust the model"
        )


async def probe(
    zygote: Zygote,
    *,
    devices: Sequence[Path] = (),
    tiers: Sequence[Tier] = STRICTEST_FIRST,
    env: Mapping[str, str] | None = None,
) -> Probe:
    """The strictest of the tiers in which all that must work works and all that must be refused is.

    Where the first attempt ends before it has found anything, it is made again: that may have come from
    outside, as where the zygote was killed, and is not to decide how far candidates are shut in.

    With devices, what must work includes a kernel on CUDA's first device, for which the zygote must
    have torch. Fault where not even an unboxed child works.
    """
    refused: dict[Tier, str] = {}
    for tier in tiers:
        box = Box(tier, devices=tuple(devices), disk_bytes=_DISK_BYTES)
        findings = await _tried(zygote, box, env or {})
        if isinstance(findings, str) and not refused:
            await asyncio.sleep(_PAUSE_S)
            findings = await _tried(zygote, box, env or {})
        if isinstance(findings, Findings) and not (findings.failed or findings.allowed):
            return Probe(tier, refused, _remark(findings))
        refused[tier] = f"Tier {tier} does not hold here: {_reason(findings)}."
    findings = await _tried(zygote, Box(devices=tuple(devices)), env or {})
    if isinstance(findings, str) or findings.failed:
        raise Fault("sandbox", f"not even an unboxed child works here: {_reason(findings)}")
    return Probe(Tier.NONE, refused)


async def _tried(zygote: Zygote, box: Box, env: Mapping[str, str]) -> Findings | str:
    """What the probe's job found in a box, or why it found nothing."""
    with _stage(box) as (given, folder):
        return await _run(zygote, given, box, folder=folder, env=env)


@contextmanager
def _stage(box: Box) -> Iterator[tuple[Attempt, Path]]:
    """What there is to try, a canary and a listener included, and a folder to try it in."""
    with (
        job_folder("probe") as place,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        place.chmod(0o755)
        canary, folder = place / "canary", place / "folder"
        canary.write_text("canary")
        folder.mkdir()
        given = Attempt(
            canary=str(canary),
            port=listener.getsockname()[1],
            supervisor=os.getpid(),
            processes=str(Path("/proc/self/ns/pid").readlink()),
            cuda=bool(box.devices),
            hostile=box.tier is not Tier.NONE,
        )
        yield given, folder


async def _run(
    zygote: Zygote, given: Attempt, box: Box, *, folder: Path, env: Mapping[str, str]
) -> Findings | str:
    job = Job(
        TARGET,
        json.dumps(asdict(given)).encode(),
        folder,
        limit_s=_CUDA_LIMIT_S if given.cuda else _LIMIT_S,
        output_bytes=_OUTPUT_BYTES,
        env=env,
        box=box,
    )
    try:
        ended = await zygote.run(job)
    except Fault as fault:
        if box.tier is Tier.NONE:
            raise
        return str(fault)
    return _findings(ended)


def _findings(ended: Ended) -> Findings | str:
    if ended.how is not How.EXITED or ended.code != 0 or len(ended.replies) != 1:
        said = ended.output.strip().rpartition("\n")[2]
        return f"a child {ended.how.value.replace('_', ' ')} ({ended.code}) {said[:_TEXT_CHARS]}".strip()
    fields = json.loads(ended.replies[0])
    return Findings(fields["user"], fields["failed"], tuple(fields["allowed"]))


def _reason(findings: Findings | str) -> str:
    if isinstance(findings, str):
        return findings
    failed = [f"{name} fails ({error[:_TEXT_CHARS]})" for name, error in findings.failed.items()]
    return "; ".join([*failed, *(f"{name} is not refused" for name in findings.allowed)])


def _remark(findings: Findings) -> str | None:
    if findings.user != os.getuid():
        return None
    if findings.user == 0:
        return "candidates run as root, without its rights, since other users can't read Python or their folder"
    return "candidates run as the same user as Caesar, since only root can give them one of their own"
