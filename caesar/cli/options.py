"""What the command line asked of `caesar run`, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["RunOptions"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of `caesar run`."""

    spec: Path
    overrides: Mapping[str, object]
    """Spec keys that flags replace, by their dotted names."""
    settings: tuple[str, ...]
    """--set key=value, as written."""
    name: str | None
    group: str
    devices: tuple[str, ...]
    exclusive: bool
    """Whether GPUs are used only while no stranger's process is on them."""
    store: Path
    root: Path
    kernelbench: Path | None
    record: Path | None
    json: bool
