"""Which devices this process may use: GPUs by their physical UUID, else slots of the CPU.

GPUs are asked from nvidia-smi, never from torch, which the engine's process doesn't import. What
CUDA_VISIBLE_DEVICES hides stays hidden. MIG slices are not told apart from their GPU.
"""

from __future__ import annotations

import csv
import logging
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from caesar.errors import UsageError

__all__ = ["Device", "Gpus", "cpu_name", "find_gpus", "inventory", "nodes_of", "visible"]

_log = logging.getLogger(__name__)

_COLUMNS = ("index", "uuid", "name", "memory.total", "compute_cap")
_QUERY = (f"--query-gpu={','.join(_COLUMNS)}", "--format=csv,noheader,nounits")
_QUERY_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Device:
    """Something a candidate can be evaluated on, by one holder at a time."""

    id: str
    """A GPU's physical UUID, or cpu:N."""
    name: str
    """The hardware's name."""
    index: int | None = None
    """The GPU's number in PCI bus order, for people; None for a CPU slot."""
    memory_bytes: int | None = None
    """The GPU's own memory; None where unknown and for a CPU slot."""
    arch: str | None = None
    """The GPU's compute capability ("9.0"); None where unknown and for a CPU slot."""
    cpus: tuple[int, ...] = ()
    """The cores of a CPU slot, no two slots' the same, calls being timed on the first; empty for a GPU."""


@dataclass(frozen=True, slots=True)
class Gpus:
    """The GPUs this process may use, and why there are not more."""

    devices: tuple[Device, ...] = ()
    reason: str | None = None
    """A sentence on what went wrong or was hidden; None where every listed GPU was found."""


def inventory(*, environ: Mapping[str, str], cpu_slots: int = 1) -> tuple[Device, ...]:
    """The devices to evaluate on, never empty: the visible GPUs, else so many slots of the CPU.

    The slots share out the cores that this process may use, evenly; one slot has them all.
    """
    cores = sorted(os.sched_getaffinity(0))
    if not 1 <= cpu_slots <= len(cores):
        raise UsageError(
            f"{cpu_slots} CPU slots can't be made of {len(cores)} cores: ask for 1 to {len(cores)}"
        )
    gpus = find_gpus(environ)
    if gpus.reason is not None:
        _log.info("%s", gpus.reason)
    if gpus.devices:
        return gpus.devices
    name = cpu_name(_read(Path("/proc/cpuinfo")))
    shares = [
        cores[len(cores) * slot // cpu_slots : len(cores) * (slot + 1) // cpu_slots]
        for slot in range(cpu_slots)
    ]
    return tuple(Device(f"cpu:{slot}", name, cpus=tuple(share)) for slot, share in enumerate(shares))


def find_gpus(environ: Mapping[str, str]) -> Gpus:
    """What nvidia-smi lists and CUDA_VISIBLE_DEVICES lets through; a failing nvidia-smi is no GPU."""
    program = shutil.which("nvidia-smi", path=environ.get("PATH"))
    if program is None:
        return Gpus(reason="no GPU is used: nvidia-smi is not on the PATH")
    try:
        answer = subprocess.run(
            [program, *_QUERY], env=dict(environ), capture_output=True, text=True, errors="replace",
            check=True, timeout=_QUERY_LIMIT_S,
        )  # fmt: skip
        listed = _parsed(answer.stdout)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip() or "nothing"
        return Gpus(reason=f"no GPU is used: {program} ended with status {error.returncode} and said: {said}")
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        return Gpus(reason=f"no GPU is used: {program} could not be asked: {error}")
    return visible(listed, environ.get("CUDA_VISIBLE_DEVICES"))


def visible(listed: Sequence[Device], selection: str | None) -> Gpus:
    """The GPUs that a CUDA_VISIBLE_DEVICES lets through, in its order, read as CUDA reads it.

    Entries are indices in PCI bus order or UUIDs, which may be shortened while unambiguous. The
    first entry that names no further GPU ends the list; an empty value hides all; None hides none.
    """
    if selection is None:
        return Gpus(tuple(listed))
    if not selection.strip():
        return Gpus(reason="no GPU is used: CUDA_VISIBLE_DEVICES is empty")
    chosen: list[Device] = []
    for entry in selection.split(","):
        device = _named(entry.strip(), listed)
        if device is None or device in chosen:
            reason = (
                f"CUDA_VISIBLE_DEVICES={selection} counts up to {entry.strip()!r}, which names no further GPU"
            )
            return Gpus(tuple(chosen), reason)
        chosen.append(device)
    return Gpus(tuple(chosen))


def nodes_of(device: Device, *, drivers: Path = Path("/proc/driver/nvidia/gpus")) -> tuple[Path, ...]:
    """The device nodes that a process needs to use a GPU, and no other GPU's; none for a CPU."""
    if device.index is None:
        return ()
    minor = device.index
    for information in sorted(drivers.glob("*/information")):
        fields = dict(line.split(":", 1) for line in _read(information).splitlines() if ":" in line)
        if fields.get("GPU UUID", "").strip() == device.id:
            minor = int(fields.get("Device Minor", minor))
    names = (f"nvidia{minor}", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")
    return tuple(path for name in names if (path := Path("/dev", name)).exists())


def cpu_name(cpuinfo: str) -> str:
    """The processor's name from the text of /proc/cpuinfo, else its architecture."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            return value.strip()
    return platform.machine() or "CPU"


def _parsed(listing: str) -> tuple[Device, ...]:
    """The GPUs of nvidia-smi's table; ValueError where a row is not one."""
    rows = [row for row in csv.reader(listing.splitlines(), skipinitialspace=True) if row]
    return tuple(_device([cell.strip() for cell in row]) for row in rows)


def _device(row: Sequence[str]) -> Device:
    if len(row) != len(_COLUMNS):
        raise ValueError(f"it answered {', '.join(row)!r}")
    index, uuid, name, mebibytes, arch = row
    return Device(
        uuid,
        name,
        index=int(index),
        memory_bytes=int(mebibytes) << 20 if mebibytes.isdecimal() else None,
        arch=None if arch.startswith("[") else arch,
    )


def _named(entry: str, listed: Sequence[Device]) -> Device | None:
    """The one GPU that an entry names."""
    if entry.isdecimal():
        return next((device for device in listed if device.index == int(entry)), None)
    matches = [device for device in listed if entry.startswith("GPU-") and device.id.startswith(entry)]
    return matches[0] if len(matches) == 1 else None


def _read(path: Path) -> str:
    """A file's text; empty where there is no such file."""
    return path.read_text(errors="replace") if path.exists() else ""
