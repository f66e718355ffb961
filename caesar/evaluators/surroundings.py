"""What a device's times depend on, as far as it can be told without touching torch or the device."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["cuda_of_torch", "driver_version", "torch_version"]

_DRIVER = Path("/proc/driver/nvidia/version")
_DRIVER_VERSION = re.compile(r"Kernel Module(?: for \S+)?\s+([0-9][0-9.]+)")
_CUDA_VERSION = re.compile(r"^cuda\b[^=]*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)


def torch_version() -> str:
    """The installed torch's version; empty where there is none."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return ""


def cuda_of_torch() -> str | None:
    """The CUDA version torch was built for, from its own version file; None without one."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return None
    told = _CUDA_VERSION.search(_read(Path(found.origin).with_name("version.py")))
    return told and told.group(1)


def driver_version(file: Path = _DRIVER) -> str | None:
    """The GPU driver's version, as its kernel module tells; None where there is none."""
    told = _DRIVER_VERSION.search(_read(file))
    return told and told.group(1)


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
