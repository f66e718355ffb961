"""What building and judging need on this machine: devices, a zygote, a builder, an evaluator."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from caesar.builders.inline import InlineBuilder
from caesar.cli.files import cache_bytes, cache_folder, cpu_slots, lock_folder
from caesar.cli.output import note
from caesar.devices.folder import prepare_folder
from caesar.devices.health import healthy, strangers
from caesar.devices.inventory import Device, find_gpus, inventory, nodes_of
from caesar.devices.layout import shared_layout
from caesar.devices.pool import LockedDevicePool
from caesar.devices.processes import MARK, this_process
from caesar.effects import Backend, Condition, Evaluated, Grant, Isolation, JudgeKind
from caesar.engine.perform import condition_after
from caesar.errors import Fault, UsageError
from caesar.evaluators.baselines import BaselineCache
from caesar.evaluators.chosen import ChosenEvaluator
from caesar.evaluators.installation import Installation, find_installation
from caesar.evaluators.kernelbench import KernelBenchJudge
from caesar.evaluators.local import LocalEvaluator, hub_environment
from caesar.ports import DevicePool
from caesar.sandbox.box import Tier
from caesar.sandbox.folders import job_folder, remove_abandoned
from caesar.sandbox.probe import STRICTEST_FIRST, probe
from caesar.sandbox.zygote import Zygote

__all__ = [
    "Machinery",
    "backend_of",
    "choose_devices",
    "kernelbench_for",
    "machinery",
    "on_a_device",
    "preloaded",
    "shut_in",
]

T = TypeVar("T")

_PATIENCE_S = 2.0
"""After so long without a device, somebody at a terminal wants to know why nothing happens."""

_PRELOADED_FOR_CUDA = ("torch._dynamo", "triton?", "cuda.bindings.driver?", "pynvml?")


@dataclass(frozen=True, slots=True)
class Machinery:
    """The builder, the evaluator and the devices of one process."""

    builder: InlineBuilder
    evaluator: ChosenEvaluator
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


def kernelbench_for(judge: JudgeKind, backend: Backend, *, root: Path | None) -> Installation | None:
    """The KernelBench that a judge takes, None for ours; UsageError where it can't be had."""
    if judge is JudgeKind.CAESAR:
        return None
    if backend is Backend.CPU:
        raise UsageError(f"judge {judge} takes a GPU, which KernelBench's evaluator needs; use judge caesar")
    return find_installation(os.environ, root=root)


@asynccontextmanager
async def machinery(
    devices: Sequence[Device],
    backend: Backend,
    *,
    isolation: Isolation = Isolation.AUTO,
    kernelbench: Installation | None = None,
    exclusive: bool = False,
    tiers: Sequence[Tier] = STRICTEST_FIRST,
) -> AsyncIterator[Machinery]:
    """Builder, evaluator and device pool, ended with everything they started.

    Candidates are shut in by the first of the tiers that works, by nothing where none does.
    UsageError where candidates can't be shut in as far as asked.
    """
    marked = {**os.environ, MARK: this_process().mark}
    locks = prepare_folder(lock_folder())
    layout = shared_layout(locks, cpu_slots()) if backend is Backend.CPU else nullcontext()
    remove_abandoned()
    with layout, job_folder("judging") as folder:
        async with Zygote(preload=preloaded(backend), env=marked) as zygote:
            tier = await shut_in(zygote, devices, isolation, tiers=tiers)
            builder = InlineBuilder(
                cache=cache_folder() / "builds",
                zygote=zygote,
                arch=devices[0].arch,
                tier=tier,
                most_bytes=cache_bytes(),
                gpus=0 if backend is Backend.CPU else len(devices),
            )
            builder.preflight(backend)
            evaluator = _evaluator(zygote, folder, devices, tier=tier, kernelbench=kernelbench)
            pool = LockedDevicePool(
                devices,
                folder=locks,
                vacate=evaluator.vacate,
                probe=healthy,
                audit=strangers,
                exclusive=exclusive,
            )
            try:
                async with pool:
                    yield Machinery(builder, evaluator, pool)
            finally:
                await evaluator.close()


async def on_a_device(devices: DevicePool, request: str, work: Callable[[Grant], Awaitable[T]]) -> T:
    """What the work gives under a lease of its own, which ends in the condition that the work left.

    Fault where the work, the lease or its end is one. The request should be a `Request.id`: by it
    `caesar devices` says what a device is held for.
    """
    waiting = asyncio.get_running_loop().call_later(
        _PATIENCE_S, note, "waiting for a device; `caesar devices` says who holds it"
    )
    try:
        grant = await devices.acquire(request)
    finally:
        waiting.cancel()
    condition = Condition.HUNG  # work that was cancelled, or broke off, is probed after
    try:
        done = await work(grant)
        condition = condition_after(done) if isinstance(done, Evaluated) else Condition.SOUND
    except Fault as fault:
        condition = condition_after(fault)
        raise
    finally:
        await devices.release(grant, condition=condition)
    return done


def preloaded(backend: Backend) -> tuple[str, ...]:
    """What every child needs, imported once: on a GPU also what traces and counts a reference's work."""
    needed = ("torch", "caesar.evaluators.judge", "caesar.evaluators.candidate")
    return (*needed, *_PRELOADED_FOR_CUDA) if backend is Backend.CUDA else needed


async def shut_in(
    zygote: Zygote,
    devices: Sequence[Device],
    isolation: Isolation,
    *,
    tiers: Sequence[Tier] = STRICTEST_FIRST,
) -> Tier:
    """The first of the tiers that works here; UsageError where that is below what was asked for."""
    env = {"CUDA_VISIBLE_DEVICES": devices[0].id}
    found = await probe(zygote, devices=nodes_of(devices[0]), tiers=tiers, env=env)
    return found.tier if isolation is Isolation.AUTO else found.at_least(Tier(isolation.value))


def _evaluator(
    zygote: Zygote, scratch: Path, devices: Sequence[Device], *, tier: Tier, kernelbench: Installation | None
) -> ChosenEvaluator:
    hub = hub_environment(os.environ)
    nodes = {device.id: nodes_of(device) for device in devices}
    ours = LocalEvaluator(
        zygote=zygote,
        scratch=scratch,
        device_names={device.id: device.name for device in devices},
        tier=tier,
        nodes=nodes,
        cpus={device.id: device.cpus for device in devices if device.cpus},
        env=hub,
        baselines=BaselineCache(cache_folder() / "baselines"),
    )
    if kernelbench is None:
        return ChosenEvaluator(ours, None, isolation=tier)
    theirs = KernelBenchJudge(kernelbench, zygote=zygote, scratch=scratch, tier=tier, nodes=nodes, env=hub)
    return ChosenEvaluator(ours, theirs, isolation=tier)
