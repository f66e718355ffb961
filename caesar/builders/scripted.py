"""A builder for tests: no process, no compiler, an outcome for each source."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from caesar.domain import BuildOutcome
from caesar.effects import Build, Built

__all__ = ["ScriptedBuilder", "by_marker"]


def by_marker(source: str) -> Built:
    """Built, unless the source says `# caesar: build_failed` or `# caesar: build_timed_out`."""
    if "# caesar: build_failed" in source:
        return Built(
            BuildOutcome.FAILED, artifact=None, log="error: as scripted", seconds=0.0, reason="compiler_error"
        )
    if "# caesar: build_timed_out" in source:
        return Built(BuildOutcome.TIMED_OUT, artifact=None, log="", seconds=0.0, reason="time_limit")
    return Built(BuildOutcome.BUILT, artifact="scripted", log="", seconds=0.0)


class ScriptedBuilder:
    """Implements `ports.Builder` by asking a function; counts what it was asked."""

    def __init__(self, answer: Callable[[str], Built] = by_marker) -> None:
        self._answer = answer
        self.sources: list[str] = []
        """Every source it was given, in order."""

    async def build(self, build: Build) -> Built:
        """What the function says of the source."""
        self.sources.append(build.candidate.source)
        await asyncio.sleep(0)
        return self._answer(build.candidate.source)
