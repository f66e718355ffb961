"""What lies beside a device's lock: its newest token, and who holds it under that.

Written in place by whoever holds the lock, in one write of a fixed size, so that a holder killed at
any instant leaves the old state or the new one. A state without its lock held says who died.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from caesar.devices.folder import device_file, overwrite, read_file
from caesar.devices.journal import last_token
from caesar.devices.processes import Process

__all__ = ["Doing", "Holder", "State", "read_state", "write_state"]

_BYTES = 4096


class Doing(StrEnum):
    """What a holder has the device for."""

    WORKING = "working"
    """A piece of work runs on it."""
    KEEPING = "keeping"
    """Nothing runs on it; it is kept for a few seconds for the holder's next piece of work."""
    PROBING = "probing"
    """It is being looked at after a bad end."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a device."""

    process: Process
    uid: int
    doing: Doing
    request: str
    """The piece of work the device is, or was last, held for; at most 300 characters."""
    since_us: int
    """Since when it is doing that: microseconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class State:
    """A device's newest token, and its holder."""

    token: int = 0
    holder: Holder | None = None
    """None where the last one gave it back."""


def read_state(folder: Path, device: str) -> State:
    """The state; where it is missing or damaged, nobody's, with the newest token that the journal knows."""
    content = read_file(device_file(folder, device, "state"))
    if content is None:
        return State(last_token(folder, device))
    try:
        return msgspec.json.decode(content, type=State)
    except msgspec.MsgspecError:
        return State(last_token(folder, device))


def write_state(folder: Path, device: str, state: State) -> None:
    """Write the state; only ever under the device's lock."""
    content = msgspec.json.encode(state).ljust(_BYTES)
    if len(content) > _BYTES:
        raise ValueError(f"the state of {device} does not fit its file")
    overwrite(device_file(folder, device, "state"), content)
