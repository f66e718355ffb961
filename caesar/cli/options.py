"""What the command line asked of a command that makes or continues runs, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CommonOptions", "RunOptions"]


@dataclass(frozen=True, slots=True)
class CommonOptions:
    """What `run`, `resume` and `fork` have in common: on what they work, and where they write."""

    devices: tuple[str, ...]
    exclusive: bool
    """Whether GPUs are used only while no stranger's process is on them."""
    kernelbench: Path | None
    store: Path
    root: Path
    json: bool


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
    record: Path | None
    common: CommonOptions
