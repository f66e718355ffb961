"""How far a child is shut in: plain values, shared by both sides and by whoever asks for a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from caesar.domain import Trust

__all__ = ["Box", "Tier"]


class Tier(StrEnum):
    """What keeps a child from the rest of the machine, from nothing to the most."""

    NONE = "none"
    """Its time, its output and its end are bounded; it may do what its user may."""
    PROCESS = "process"
    """The kernel refuses it other files, the network, other processes and dangerous calls."""
    NAMESPACE = "namespace"
    """The same, and other files, processes and networks don't exist where it runs."""

    def covers(self, wanted: Tier) -> bool:
        """Whether this tier keeps from a child all that the wanted one does."""
        order = tuple(Tier)
        return order.index(self) >= order.index(wanted)

    @property
    def trust(self) -> Trust:
        """How far a verdict on a candidate in this tier can be trusted, all else being the best."""
        match self:
            case Tier.NONE:
                return Trust.NONE
            case Tier.PROCESS:
                return Trust.LOW
            case Tier.NAMESPACE:
                return Trust.HIGH


@dataclass(frozen=True, slots=True)
class Box:
    """Where a job runs: the tier, what it is shown besides Python itself, and how much it may use."""

    tier: Tier = Tier.NONE
    reads: tuple[Path, ...] = ()
    """Files and folders the child may read besides the runtime."""
    devices: tuple[Path, ...] = ()
    """The only device nodes it may use besides null, zero, full, random and urandom; /dev/nvidia0, say."""
    memory_bytes: int | None = None
    """How much all its processes may hold in memory; None for as much as there is."""
    processes: int | None = None
    """How many processes and threads it may have at a time; None for any number."""
    disk_bytes: int | None = None
    """How much may be written; None for as much as there is, into the caller's own folder.

    In namespaces the child then has an empty folder in memory in that place, and what it leaves there is
    gone with it. Elsewhere only each single file is bounded.
    """
    file_bytes: int | None = None
    """How long each file may be, wherever it lies; None for what disk_bytes says."""
    cpus: tuple[int, ...] | None = None
    """The cores it is pinned to; None for all of the supervisor's."""

    def __post_init__(self) -> None:
        for path in (*self.reads, *self.devices):
            if not path.is_absolute():
                raise ValueError(f"a box's paths are absolute, not {path}")
        for name in ("memory_bytes", "processes", "disk_bytes", "file_bytes"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"a box's {name} is positive or None, not {value}")
        if self.cpus is not None and not self.cpus:
            raise ValueError("a box is pinned to one core at least; None means all")

    def encode(self) -> dict[str, Any]:
        """As JSON can hold it."""
        paths = {"reads": [str(path) for path in self.reads], "devices": [str(path) for path in self.devices]}
        return {**asdict(self), **paths}

    @classmethod
    def decode(cls, fields: Mapping[str, Any]) -> Self:
        """The inverse of encode()."""
        return cls(
            tier=Tier(fields["tier"]),
            reads=tuple(map(Path, fields["reads"])),
            devices=tuple(map(Path, fields["devices"])),
            memory_bytes=fields["memory_bytes"],
            processes=fields["processes"],
            disk_bytes=fields["disk_bytes"],
            file_bytes=fields["file_bytes"],
            cpus=None if fields["cpus"] is None else tuple(fields["cpus"]),
        )
