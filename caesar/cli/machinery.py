"""What building and judging need on this machine: devices, a zygote, a builder, an evaluator."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from caesar.builders.inline import InlineBuilder
from caesar.cli.files import cache_bytes, cache_folder, lock_folder
from caesar.devices.inventory import Device, find_gpus, inventory
from caesar.devices.pool import LockedDevicePool
from caesar.effects import Backend
from caesar.errors import UsageError
from caesar.evaluators.local import LocalEvaluator, hub_environment
from caesar.sandbox.zygote import Zygote

__all__ = ["Machinery", "backend_of", "choose_devices", "machinery"]


@dataclass(frozen=True, slots=True)
class Machinery:
    """The builder, the evaluator and the devices of one process."""

    builder: InlineBuilder
    evaluator: LocalEvaluator
    devices: LockedDevicePool


def backend_of(wanted: Backend | None) -> Backend:
    """The backend asked for; for auto, cuda where a GPU is visible, else cpu."""
    if wanted is not None:
        return wanted
    return Backend.CUDA if find_gpus(os.environ).devices else Backend.CPU


def choose_devices(backend: Backend, names: Sequence[str]) -> tuple[Device, ...]:
    """The devices of the backend, narrowed to those named by id or index."""
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if backend is Backend.CPU else {}
    found = inventory(environ={**os.environ, **hidden})
    if backend is Backend.CUDA and found[0].arch is None:
        why = find_gpus(os.environ).reason or "nvidia-smi lists none"
        raise UsageError(f"backend cuda needs a GPU ({why}); choose the backend cpu")
    if not names:
        return found
    known = {name: device for device in found for name in (device.id, str(device.index))}
    unknown = [name for name in names if name not in known]
    if unknown:
        listed = ", ".join(device.id for device in found)
        raise UsageError(f"no device {unknown[0]} here; there are: {listed}")
    return tuple(dict.fromkeys(known[name] for name in names))


@asynccontextmanager
async def machinery(devices: Sequence[Device], backend: Backend) -> AsyncIterator[Machinery]:
    """Builder, evaluator and device pool, ended with everything they started."""
    with (
        tempfile.TemporaryDirectory(prefix="caesar-") as folder,
        LockedDevicePool(devices, folder=lock_folder()) as pool,
    ):
        async with Zygote(preload=("torch", "caesar.evaluators.child")) as zygote:
            builder = InlineBuilder(
                cache=cache_folder() / "builds",
                zygote=zygote,
                arch=devices[0].arch,
                most_bytes=cache_bytes(),
            )
            builder.preflight(backend)
            names = {device.id: device.name for device in devices}
            evaluator = LocalEvaluator(
                zygote=zygote,
                scratch=Path(folder),
                device_names=names,
                env=hub_environment(os.environ),
            )
            yield Machinery(builder, evaluator, pool)
