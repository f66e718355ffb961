"""What building and judging need on this machine: devices, a zygote, a builder, an evaluator."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from caesar.builders.inline import InlineBuilder
from caesar.cli.files import cache_folder, cpu_slots, lock_folder
from caesar.devices.folder import prepare_folder
from caesar.devices.health import healthy, strangers
from caesar.devices.inventory import Device, find_gpus, inventory
from caesar.devices.layout import shared_layout
from caesar.devices.pool import LockedDevicePool
from caesar.devices.processes import MARK, this_process
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
    found = inventory(environ={**os.environ, **hidden}, cpu_slots=cpu_slots())
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
async def machinery(
    devices: Sequence[Device], backend: Backend, *, exclusive: bool = False
) -> AsyncIterator[Machinery]:
    """Builder, evaluator and device pool, ended with everything they started."""
    marked = {**os.environ, MARK: this_process().mark}
    locks = prepare_folder(lock_folder())
    layout = shared_layout(locks, cpu_slots()) if backend is Backend.CPU else nullcontext()
    with layout, tempfile.TemporaryDirectory(prefix="caesar-") as folder:
        async with Zygote(preload=("torch", "caesar.evaluators.child"), env=marked) as zygote:
            builder = InlineBuilder(cache=cache_folder() / "builds", zygote=zygote, arch=devices[0].arch)
            builder.preflight(backend)
            names = {device.id: device.name for device in devices}
            evaluator = LocalEvaluator(
                zygote=zygote,
                scratch=Path(folder),
                device_names=names,
                env=hub_environment(os.environ),
            )
            async with LockedDevicePool(
                devices, folder=locks, probe=healthy, audit=strangers, exclusive=exclusive
            ) as pool:
                yield Machinery(builder, evaluator, pool)
