"""What building and judging need on a Ray cluster: `--devices ray` in place of this machine's machinery."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from caesar.devices.inventory import Device
from caesar.devices.ray import RayBuilder, RayDevicePool, RayEvaluator, connect
from caesar.effects import Backend, Isolation, JudgeKind
from caesar.errors import UsageError
from caesar.sandbox.environment import clean_environment

__all__ = ["RAY", "RayMachinery", "is_ray", "ray_machinery"]

RAY = Device("ray", "a device of a Ray cluster")
"""Stands for the cluster's devices, which are known only once they were granted."""

_PLACES = ("CAESAR_LOCKS", "CAESAR_CACHE", "CAESAR_CPU_SLOTS", "HOME", "USER", "TMPDIR", "PYTHONPATH")
"""What an agent may know of the driver's environment beside the clean one: where things lie, no secret."""


@dataclass(frozen=True, slots=True)
class RayMachinery:
    """The builder, the evaluator and the devices of a cluster."""

    builder: RayBuilder
    evaluator: RayEvaluator
    devices: RayDevicePool
    count: int
    """How many devices it offers."""


def is_ray(names: Sequence[str], *, judge: JudgeKind, exclusive: bool) -> bool:
    """Whether `--devices` means a Ray cluster; UsageError where it means others too, or more than agents do."""
    if "ray" not in names:
        return False
    if len(names) > 1:
        raise UsageError("--devices ray stands alone: the cluster's nodes say which devices they have")
    if exclusive:
        raise UsageError(
            "--exclusive is for this machine's devices, not for --devices ray: leave it out, and keep others"
            " off the nodes' GPUs by Ray's own means"
        )
    if judge is not JudgeKind.CAESAR:
        raise UsageError(
            f"judge {judge} is not to be had with --devices ray: use judge caesar, and `caesar rescore` on a"
            " machine with KernelBench afterwards"
        )
    return True


@asynccontextmanager
async def ray_machinery(backend: Backend, *, isolation: Isolation, version: str) -> AsyncIterator[RayMachinery]:
    """The cluster's agents, ended with everything they started."""
    named = {name: os.environ[name] for name in _PLACES if name in os.environ}
    command = (sys.executable, "-m", "caesar.cli.agent", backend.value, isolation.value)
    environ = clean_environment(os.environ) | named
    async with connect(command, environ, gpus=backend is Backend.CUDA) as cluster:
        pool = RayDevicePool(cluster)
        evaluator = RayEvaluator(pool, version=version)
        yield RayMachinery(RayBuilder(cluster), evaluator, pool, len(cluster.stations))
