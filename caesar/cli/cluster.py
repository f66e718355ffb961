"""What building and judging need on a Ray cluster: `--devices ray` in place of this machine's machinery."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from caesar.devices.inventory import Device
from caesar.devices.ray import RayBuilder, RayDevicePool, RayEvaluator, connect
from caesar.effects import Backend
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


def is_ray(names: Sequence[str]) -> bool:
    """Whether `--devices` means a Ray cluster; UsageError where it means that and others."""
    if "ray" in names and len(names) > 1:
        raise UsageError("--devices ray stands alone: the cluster's nodes say which devices they have")
    return tuple(names) == ("ray",)


@asynccontextmanager
async def ray_machinery(backend: Backend, *, version: str) -> AsyncIterator[RayMachinery]:
    """The cluster's agents, ended with everything they started."""
    named = {name: os.environ[name] for name in _PLACES if name in os.environ}
    command = (sys.executable, "-m", "caesar.cli.agent", backend.value)
    environ = clean_environment(os.environ) | named
    async with connect(command, environ, gpus=backend is Backend.CUDA) as cluster:
        pool = RayDevicePool(cluster)
        evaluator = RayEvaluator(cluster, pool, version=version)
        yield RayMachinery(RayBuilder(cluster), evaluator, pool, len(cluster.stations))
