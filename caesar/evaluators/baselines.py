"""Baselines that outlive their lease: a cache of the reference's times, and KernelBench's own tables.

The supervisor's side: plain files, written whole or not at all. A cached time serves the device
model, driver, torch and settings it was measured under, and no other. One that a fresh eager timing
of the same lease contradicts is measured again. KernelBench's tables say neither torch nor precision
nor clock, so what comes from them is foreign: shown beside a speedup, never part of one.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from caesar.domain import Baseline, Digest, Problem, Timing, digest_of
from caesar.effects import BaselineKind, EvaluationSettings, Grant
from caesar.errors import Fault
from caesar.evaluators.statistics import timing_of

__all__ = [
    "DRIFT",
    "BaselineCache",
    "BaselineKey",
    "BaselineMeter",
    "Conditions",
    "ForeignBaseline",
    "Measurement",
    "ScriptedMeter",
    "drifted",
    "foreign_baselines",
    "keys_for",
]

DRIFT = 0.05
"""How far, as a share, a fresh eager time may be from the cached one before nothing cached is believed."""

_EAGER = BaselineKind.EAGER.value


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a baseline's time depends on besides the problem and how its reference is run."""

    device_model: str
    """The hardware's name, of which any one will do."""
    driver: str
    """The driver's version; empty on a CPU."""
    torch: str
    cuda: str | None
    precision: str
    evaluator: str
    """The evaluator's version: another may time otherwise."""

    @property
    def has_tf32(self) -> bool:
        """Whether TF32 makes a difference: it does nothing on a CPU."""
        return bool(self.driver)


@dataclass(frozen=True, slots=True)
class BaselineKey:
    """Which baseline of which problem under which conditions."""

    problem: Digest
    """The reference source's."""
    conditions: Conditions
    mode: str
    """eager, or compile: and torch.compile's mode."""
    tf32: bool

    @property
    def digest(self) -> Digest:
        """The key as a file's name."""
        return digest_of(json.dumps(asdict(self), sort_keys=True))

    @property
    def name(self) -> str:
        """What the result calls this baseline: eager, compile:default, eager+tf32, ..."""
        return f"{self.mode}+tf32" if self.tf32 else self.mode


def keys_for(problem: Digest, settings: EvaluationSettings, conditions: Conditions) -> tuple[BaselineKey, ...]:
    """Every baseline that the settings ask for, the one speedups are over first.

    With TF32 none where there is no TF32: it would be the same baseline twice.
    """
    ways = settings.tf32.settings if conditions.has_tf32 else (False,)
    modes = [_EAGER]
    if BaselineKind.COMPILE in settings.baselines:
        modes.append(f"{BaselineKind.COMPILE.value}:{settings.compile_mode.value}")
    return tuple(BaselineKey(problem, conditions, mode, tf32=tf32) for tf32 in ways for mode in modes)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One baseline's samples, as measured."""

    name: str
    samples_ms: tuple[float, ...]

    @property
    def baseline(self) -> Baseline:
        """Its statistics; the text that `samples` names is samples_of(samples_ms)."""
        return Baseline(self.name, timing_of(self.samples_ms))


def drifted(cached: Timing, fresh: Timing, *, share: float = DRIFT) -> bool:
    """Whether a fresh timing of the same thing contradicts the cached one."""
    return abs(fresh.median_ms / cached.median_ms - 1) > share


class BaselineCache:
    """Measured baselines in a folder, a JSON file each; several processes may use it at once.

    A file that can't be read counts as absent: it is only a cache.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: BaselineKey) -> Measurement | None:
        """What was measured under exactly this key; None where nothing was."""
        try:
            stored = _DECODER.decode(self._file(key).read_bytes())
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None
        whole = stored.key == key and len(stored.samples_ms) > 0 and min(stored.samples_ms) > 0
        return Measurement(key.name, stored.samples_ms) if whole else None

    def put(self, key: BaselineKey, measurement: Measurement) -> None:
        """Keep a measurement, in the place of an older one; Fault where it can't be written."""
        text = json.dumps(
            {"key": asdict(key), "samples_ms": list(measurement.samples_ms)}, sort_keys=True, indent=1
        )
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _write_whole(self._file(key), text.encode())
        except OSError as error:
            raise Fault("evaluator", f"a baseline can't be kept ({error}); set CAESAR_CACHE") from error

    def forget(self, key: BaselineKey) -> None:
        """Keep nothing under the key."""
        self._file(key).unlink(missing_ok=True)

    def known(
        self, keys: Sequence[BaselineKey], *, fresh_eager: Timing | None = None
    ) -> Mapping[str, Measurement]:
        """What is cached of the keys, by name; nothing, where a fresh eager timing contradicts it.

        `fresh_eager` is the timing of the first key's kind, measured in the present lease.
        """
        found = {key.name: measurement for key in keys if (measurement := self.get(key)) is not None}
        eager = found.get(keys[0].name) if keys else None
        if fresh_eager is None or eager is None:
            return found
        if drifted(eager.baseline.timing, fresh_eager):
            for key in keys:
                self.forget(key)
            return {}
        return found

    def _file(self, key: BaselineKey) -> Path:
        return self._folder / f"{key.digest}.json"


@dataclass(frozen=True, slots=True)
class _Stored:
    key: BaselineKey
    samples_ms: tuple[float, ...]


_DECODER: msgspec.json.Decoder[_Stored] = msgspec.json.Decoder(_Stored)


def _write_whole(file: Path, data: bytes) -> None:
    """The file with the data, durable, or as it was before."""
    descriptor, name = tempfile.mkstemp(prefix=".baseline-", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as written:
            written.write(data)
            written.flush()
            os.fsync(descriptor)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


class BaselineMeter(Protocol):
    """What `caesar baseline` needs of an evaluator."""

    async def conditions(self, settings: EvaluationSettings, grant: Grant) -> Conditions:
        """What times on the granted device depend on, without measuring any."""

    async def measure_baseline(
        self, problem: Problem, settings: EvaluationSettings, grant: Grant
    ) -> tuple[Measurement, ...]:
        """The baselines that the settings ask for, measured now, the one speedups are over first.

        One that can't be had (torch.compile refuses the reference) is left out; Fault where not even
        the first can be had; cancelling ends its process tree.
        """


class ScriptedMeter:
    """A meter that runs nothing: every reference takes what its text alone decides."""

    def __init__(self, *, slower: float = 1.0, driver: str = "") -> None:
        self._slower = slower
        self._driver = driver

    async def conditions(self, settings: EvaluationSettings, grant: Grant) -> Conditions:
        """Those of a device that does not exist."""
        return Conditions(
            f"scripted {grant.device}", self._driver, "none", None, settings.precision, "scripted-1"
        )

    async def measure_baseline(
        self, problem: Problem, settings: EvaluationSettings, grant: Grant
    ) -> tuple[Measurement, ...]:
        """Ten equal samples of each baseline."""
        conditions = await self.conditions(settings, grant)
        keys = keys_for(problem.digest, settings, conditions)
        return tuple(Measurement(key.name, (self._slower * _own_ms(key),) * 10) for key in keys)


def _own_ms(key: BaselineKey) -> float:
    return 1 + int(hashlib.sha256(f"{key.problem}{key.name}".encode()).hexdigest()[:4], 16) / 0xFFFF


@dataclass(frozen=True, slots=True)
class ForeignBaseline:
    """A time out of one of KernelBench's tables: a mean of three digits, conditions unknown."""

    hardware: str
    """The table's folder: H100_Modal, ..."""
    name: str
    """The table's own name without its suffix: baseline_time_torch, ..."""
    mean_ms: float
    device_name: str


def foreign_baselines(checkout: Path, *, level: int, problem_file: str) -> tuple[ForeignBaseline, ...]:
    """What KernelBench's tables say of one problem; empty where they are absent or can't be read.

    `problem_file` is the problem's file name in the checkout, as the tables key it.
    """
    found = []
    for table in sorted((checkout / "results" / "timing").glob("*/*.json")):
        entry = _entry(table, level=f"level{level}", problem=problem_file)
        mean_ms = entry.get("mean")
        if isinstance(mean_ms, int | float) and 0 < mean_ms < float("inf"):
            device = str(entry.get("hardware", ""))
            found.append(ForeignBaseline(table.parent.name, table.stem, float(mean_ms), device))
    return tuple(found)


def _entry(table: Path, *, level: str, problem: str) -> Mapping[str, Any]:
    try:
        levels = json.loads(table.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    problems = levels.get(level) if isinstance(levels, dict) else None
    entry = problems.get(problem) if isinstance(problems, dict) else None
    return entry if isinstance(entry, dict) else {}
