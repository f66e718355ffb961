"""How much memory this machine has left."""

from __future__ import annotations

from pathlib import Path

__all__ = ["available_bytes"]

_MEMINFO = Path("/proc/meminfo")
_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_UNBOUNDED = 1 << 50


def available_bytes() -> int:
    """What /proc/meminfo says is available, and no more than a control group allows."""
    for line in _MEMINFO.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return min(int(line.split()[1]) << 10, _group_limit())
    return _group_limit()


def _group_limit() -> int:
    try:
        return int(_GROUP_LIMIT.read_text())
    except (OSError, ValueError):
        return _UNBOUNDED
