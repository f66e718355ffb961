"""Whether a device can be given: who computes on it, and whether its memory came back.

GPUs are asked through NVML (package nvidia-ml-py), which this process may do: it makes no context on
the device. Nothing is computed there, so a GPU that only computes wrongly is not found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from caesar.devices.inventory import Device
from caesar.devices.processes import is_marked

__all__ = ["Probe", "healthy", "strangers"]

Probe = Callable[[Device], Awaitable[str | None]]
"""None where the device can be given again, else why not, in words."""

_LEFT_SHARE = 0.1
"""How much of a GPU's memory may be in use while nobody computes on it: driver, display, ECC."""
_PATIENCE_S = 5.0
_PAUSE_S = 0.1


def strangers(device: Device) -> tuple[int, ...] | None:
    """The processes on a GPU that no holder started; None for a CPU slot and where NVML can't be asked."""
    found = _asked(device, _tenants)
    return None if found is None else tuple(pid for pid in found if not is_marked(pid))


async def healthy(device: Device, *, within_s: float = _PATIENCE_S) -> str | None:
    """A probe: wait until no holder's process is on the device and its memory is back.

    Everything that its holder runs there has to have ended. There is nothing to find on a CPU slot.
    """
    deadline = asyncio.get_running_loop().time() + within_s
    while (wrong := await asyncio.to_thread(_occupied, device)) is not None:
        if asyncio.get_running_loop().time() > deadline:
            return wrong
        await asyncio.sleep(_PAUSE_S)
    return None


def _occupied(device: Device) -> str | None:
    """What a holder left on a GPU, in words; None where nothing is, and where that can't be told.

    Strangers were there before or came since: they are no fault of the device's.
    """
    found = _asked(device, _tenants)
    if found is None:
        return None
    left = [pid for pid in found if is_marked(pid)]
    if left:
        return f"process {', '.join(map(str, left))} is still on {device.id}"
    used = None if found else _asked(device, _used_share)
    if used is not None and used > _LEFT_SHARE:
        return f"{used:.0%} of the memory of {device.id} is in use though no process is on it"
    return None


def _asked(device: Device, question: Callable[[Any, Any], Any]) -> Any:
    """NVML's answer; None for a CPU slot, without the package, and where the driver refuses."""
    if device.index is None:
        return None
    try:
        import pynvml  # noqa: PLC0415 - only where there are GPUs
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        return question(pynvml, pynvml.nvmlDeviceGetHandleByUUID(device.id))
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


def _tenants(nvml: Any, handle: Any) -> tuple[int, ...]:
    return tuple(process.pid for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle))


def _used_share(nvml: Any, handle: Any) -> float:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return float(memory.used) / float(memory.total)
