"""What every benchmark prints: the environment, then one line a measure, or a JSON list of them."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

__all__ = ["Measure", "at_least", "at_most", "cpu_of_children", "p95", "parser", "report"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number, with what it should be, if anything."""

    name: str
    value: float
    unit: str
    target: float | None = None
    met: bool | None = None


def at_most(name: str, value: float, unit: str, *, target: float) -> Measure:
    """A measure that should not exceed its target."""
    return Measure(name, value, unit, target, met=value <= target)


def at_least(name: str, value: float, unit: str, *, target: float) -> Measure:
    """A measure that should reach its target."""
    return Measure(name, value, unit, target, met=value >= target)


def cpu_of_children() -> float:
    """Seconds that ended and awaited children computed, theirs included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def p95(values: Sequence[float]) -> float:
    """The 95th percentile of at least two values."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def parser(about: str) -> argparse.ArgumentParser:
    """The options every benchmark has."""
    options = argparse.ArgumentParser(description=about)
    options.add_argument("--json", action="store_true", help="print a JSON list of measures")
    return options


def report(measures: Sequence[Measure], *, as_json: bool) -> None:
    """Print the measures; the environment goes before them, or to stderr with JSON."""
    environment = (
        f"Python {platform.python_version()}, {len(os.sched_getaffinity(0))} cores, {platform.platform()}"
    )
    sys.stderr.write(f"{environment}, load {os.getloadavg()[0]:.1f}\n")
    if as_json:
        sys.stdout.write(json.dumps([asdict(measure) for measure in measures], indent=2) + "\n")
        return
    for measure in measures:
        target = (
            ""
            if measure.target is None
            else f"  (target {measure.target:g}: {'met' if measure.met else 'missed'})"
        )
        sys.stdout.write(f"{measure.name:56} {measure.value:10.4g} {measure.unit}{target}\n")
