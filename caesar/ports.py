"""What the engine needs from the world, as Protocols of at most four methods each.

Adapters live in their own rooms and pass their port's contract suite (tests/contracts). Whatever
goes wrong in one for a reason that is not the candidate's is raised as `errors.Fault`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from caesar.domain import Digest
from caesar.effects import Build, Built, Condition, Evaluate, Evaluated, Generate, Generated, Grant
from caesar.events import Envelope, Event

__all__ = ["Append", "Builder", "Clock", "DevicePool", "Evaluator", "EventLog", "Model"]


@dataclass(frozen=True, slots=True)
class Append:
    """Events to be added to one stream, together with the texts they refer to, or not at all."""

    stream: str
    after: int
    """The version the stream must stand at: 0 for a new one."""
    events: tuple[Event, ...]
    texts: tuple[str, ...] = ()


class EventLog(Protocol):
    """An append-only store of streams of events and of the texts they name."""

    async def append(self, append: Append) -> tuple[Envelope, ...]:
        """Return once the events are durable; ConflictError if the stream stood elsewhere."""

    def read(self, stream: str, *, upto: int | None = None) -> tuple[Envelope, ...]:
        """A stream's events in order, at most `upto` of them; empty for a stream that does not exist.

        StoreError where one of them is damaged; what lies behind them need not be sound.
        """

    def streams(self, prefix: str = "") -> tuple[str, ...]:
        """The names of all streams that start with the prefix, in order of first appearance."""

    def texts(self, digests: Sequence[Digest]) -> Mapping[Digest, str]:
        """The texts of the digests; StoreError if one is missing or damaged."""


class Model(Protocol):
    """Something that completes prompts."""

    @property
    def provenance(self) -> str | None:
        """How its completions came about, where they are replayed; None for a model's live answers."""

    def preflight(self) -> None:
        """Raise UsageError, in one clear sentence, if a call could not succeed (a missing key)."""

    async def generate(self, generate: Generate) -> Generated:
        """One completion, one attempt: retrying is the engine's."""


class Builder(Protocol):
    """Turns candidates into something evaluators can load, without any device."""

    async def build(self, build: Build) -> Built:
        """The build's outcome; cancelling ends its whole process tree."""


class Evaluator(Protocol):
    """Judges built candidates on a device that the caller holds."""

    @property
    def version(self) -> str:
        """Pinned by a run: two versions may judge differently."""

    async def evaluate(self, evaluate: Evaluate, grant: Grant) -> Evaluated:
        """The evaluation; cancelling ends its whole process tree."""


class DevicePool(Protocol):
    """Exclusive use of devices, shared with other processes on the machine."""

    async def acquire(self, request: str, *, affinity: str = "") -> Grant:
        """Wait for a device; cancelling gives the place up.

        Work of equal, non-empty affinity shares what is kept on a device, so some of it may overtake
        others that wait in this process, for a bounded while.
        """

    async def release(self, grant: Grant, *, condition: Condition = Condition.SOUND) -> float:
        """Give the device back, once nothing of the candidate's runs on it; the seconds it was held.

        A Fault where the grant is no longer current: another may have had the device meanwhile, and
        what was measured does not count.
        """


class Clock(Protocol):
    """Time, so that the engine can be run without it passing."""

    def now_us(self) -> int:
        """Microseconds since the epoch, UTC."""

    async def sleep_until(self, at_us: int) -> None:
        """Return once now_us() is at least at_us."""
