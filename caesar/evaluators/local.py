"""The evaluator that judges on this machine: one sandboxed child per evaluation.

The supervisor's side: it holds no torch and runs nothing of the candidate's; it starts a child,
bounds it, and reads what it said.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from caesar.effects import Evaluate, Evaluated, Grant
from caesar.errors import Fault
from caesar.evaluators.protocol import Assignment, encode
from caesar.evaluators.verdicts import VERSION, evaluated_of
from caesar.sandbox.artifact import artifact_environment
from caesar.sandbox.job import Job
from caesar.sandbox.zygote import Zygote

__all__ = ["LocalEvaluator", "hub_environment"]

_TARGET = "caesar.evaluators.child:main"

_THREAD_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What tells a candidate's own libraries how many threads the reference may use."""

_HUB_VARIABLES = ("HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
"""What references that load models from a hub go by. Tokens are secrets and never passed on."""


class LocalEvaluator:
    """Judges candidates in children of a zygote, on the device that the caller's grant names.

    The verdict is only as honest as the candidate (trust none): judge and candidate share a process.
    """

    def __init__(
        self,
        *,
        zygote: Zygote,
        scratch: Path,
        device_names: Mapping[str, str],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._zygote = zygote
        self._scratch = scratch
        self._device_names = device_names
        self._env = dict(env or {})

    @property
    def version(self) -> str:
        """Pinned by a run: two versions may judge differently."""
        return VERSION

    async def evaluate(self, evaluate: Evaluate, grant: Grant) -> Evaluated:
        """The evaluation; Fault where no verdict was possible; cancelling ends its whole process tree."""
        async with _folder(self._scratch) as folder:
            ended = await self._zygote.run(self._job(evaluate, grant, folder))
        return evaluated_of(evaluate, grant, ended, device_name=self._device_names.get(grant.device))

    def _job(self, evaluate: Evaluate, grant: Grant, folder: Path) -> Job:
        assignment = Assignment(
            reference=evaluate.problem.source,
            candidate=evaluate.candidate.source,
            settings=evaluate.settings,
            cuda=_is_gpu(grant),
            limit_s=evaluate.limits.evaluate_s,
        )
        return Job(
            target=_TARGET,
            payload=encode(assignment),
            folder=folder,
            limit_s=evaluate.limits.evaluate_s,
            output_bytes=evaluate.limits.output_bytes,
            env=self._env | _environment(evaluate, grant),
        )


def hub_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What lets references find models in the user's hub cache: offline, unless the user says otherwise."""
    home = Path(environ.get("HOME", "/"))
    defaults = {"HF_HOME": str(home / ".cache" / "huggingface"), "HF_HUB_OFFLINE": "1"}
    return defaults | {name: environ[name] for name in _HUB_VARIABLES if name in environ}


def _environment(evaluate: Evaluate, grant: Grant) -> dict[str, str]:
    """The variables that tie a child to its device, its artifact and its share of processors."""
    threads = str(len(os.sched_getaffinity(0)))
    device = {"CUDA_VISIBLE_DEVICES": grant.device if _is_gpu(grant) else ""}
    return artifact_environment(evaluate.artifact) | dict.fromkeys(_THREAD_COUNTS, threads) | device


def _is_gpu(grant: Grant) -> bool:
    return not grant.device.startswith("cpu:")


@asynccontextmanager
async def _folder(scratch: Path) -> AsyncIterator[Path]:
    """A fresh folder for one child, gone afterwards with all that was left in it."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="evaluation-", dir=scratch))
    except OSError as error:
        raise Fault("evaluator", f"an evaluation can't make its folder ({error}); set TMPDIR") from error
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
