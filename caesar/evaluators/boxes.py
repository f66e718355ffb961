"""How a process that runs a candidate is shut in, whoever judges it: the same bounds in every evaluator."""

from __future__ import annotations

import os
from pathlib import Path

from caesar.sandbox.box import Box, Tier

__all__ = ["candidate_box"]

_DISK_BYTES = 4 << 30


def candidate_box(
    tier: Tier,
    *,
    reads: tuple[Path, ...],
    devices: tuple[Path, ...],
    processes: int,
    cpus: tuple[int, ...] | None = None,
) -> Box:
    """The box of a process that runs a candidate: it is shown `reads`, has these devices, and is bounded.

    It may hold half of this machine's memory, since a judge beside it needs as much again at most.
    """
    return Box(
        tier=tier,
        reads=reads,
        devices=devices,
        memory_bytes=_half_of_memory(),
        processes=processes,
        disk_bytes=_DISK_BYTES,
        cpus=cpus,
    )


def _half_of_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
