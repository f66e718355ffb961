"""The supervisor's side of measuring references alone: one trusted child a problem and lease."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from caesar.domain import Problem
from caesar.effects import EvaluationSettings, Grant
from caesar.errors import Fault
from caesar.evaluators.baselines import Conditions, Measurement
from caesar.evaluators.verdicts import VERSION
from caesar.sandbox.job import Ended, How, Job
from caesar.sandbox.zygote import Zygote

__all__ = ["ReferenceMeter"]

_TARGET = "caesar.evaluators.metering:main"
_OUTPUT_BYTES = 1 << 20
_LIMIT_S = 900.0
"""torch.compile may search for minutes where its mode asks for it."""


class _Metered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    conditions: Conditions
    measurement: Measurement


_DECODER: msgspec.json.Decoder[_Metered] = msgspec.json.Decoder(_Metered)


class ReferenceMeter:
    """Measures baselines on the granted device."""

    def __init__(
        self, *, zygote: Zygote, scratch: Path, driver: str = "", env: Mapping[str, str] | None = None
    ) -> None:
        self._zygote = zygote
        self._scratch = scratch
        self._driver = driver
        self._env = dict(env or {})

    async def measure_baseline(
        self, problem: Problem, settings: EvaluationSettings, grant: Grant
    ) -> tuple[Conditions, tuple[Measurement, ...]]:
        """The baselines that the settings ask for, measured now; see BaselineMeter."""
        async with _folder(self._scratch) as folder:
            ended = await self._zygote.run(self._job(problem, settings, grant, folder))
        metered = [_DECODER.decode(reply) for reply in ended.replies]
        if not metered:
            raise Fault("reference", f"{problem.suite}/{problem.id} can't be measured: {_words(ended)}")
        return metered[0].conditions, tuple(each.measurement for each in metered)

    def _job(self, problem: Problem, settings: EvaluationSettings, grant: Grant, folder: Path) -> Job:
        gpu = not grant.device.startswith("cpu:")
        errand = {
            "problem": problem.digest,
            "reference": problem.source,
            "settings": settings,
            "cuda": gpu,
            "driver": self._driver,
            "evaluator": VERSION,
            "threads": len(os.sched_getaffinity(0)),
        }
        caches = {name: str(folder / name.lower()) for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")}
        return Job(
            target=_TARGET,
            payload=msgspec.json.encode(errand),
            folder=folder,
            limit_s=_LIMIT_S,
            output_bytes=_OUTPUT_BYTES,
            env=self._env | caches | {"CUDA_VISIBLE_DEVICES": grant.device if gpu else ""},
        )


def _words(ended: Ended) -> str:
    """How it ended: the exception's own line, where there is one."""
    if ended.how is How.TIMED_OUT:
        return f"it took more than {_LIMIT_S:.0f} s"
    lines = ended.output.strip().splitlines()
    return lines[-1][-500:] if lines else f"its process ended with {ended.code}"


@asynccontextmanager
async def _folder(scratch: Path) -> AsyncIterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="baseline-", dir=scratch))
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
