"""Devices that are given to nobody until somebody has looked: one file each, beside the lock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from caesar.devices.folder import device_file, overwrite, read_file

__all__ = ["Quarantine", "read_quarantine", "write_quarantine"]

_BYTES = 4096
_REASON_CHARS = 300


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Why a device is not given, and since when."""

    reason: str
    since_us: int
    """Microseconds since the epoch, UTC."""


def read_quarantine(folder: Path, device: str) -> Quarantine | None:
    """A device's quarantine; None where it has none. A file that can't be read is one, of unknown reason."""
    path = device_file(folder, device, "quarantine")
    try:
        content = (read_file(path) or b"").strip()
        return msgspec.json.decode(content, type=Quarantine) if content else None
    except (OSError, msgspec.MsgspecError):
        return Quarantine(f"{path} can't be read", 0)


def write_quarantine(folder: Path, device: str, quarantine: Quarantine | None) -> None:
    """Set or, by None, lift it; only ever under the device's lock."""
    content = b""
    if quarantine is not None:
        content = msgspec.json.encode(Quarantine(quarantine.reason[:_REASON_CHARS], quarantine.since_us))
    overwrite(device_file(folder, device, "quarantine"), content.ljust(_BYTES))
