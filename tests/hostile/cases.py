"""What each candidate of tests/hostile is expected to come to, read from the comments it begins with.

Pure: reads texts, decides, and starts nothing. A header is a line `# key: value`; the first other
line ends the header. Alternatives are separated by `|`.

    problem   the reference's name in problems/
    rows      the rows of the two catalogues that it stands for: isolation 1..64, kernelbench A1..E16
    build     built (the default), failed(REASON), timed_out(REASON)
    verdict   the verdicts allowed; honest candidates have none but passed
    reason    the reasons allowed, where it did not pass
    findings  findings that must be there where the first of the verdicts came out; one a comma
    effect    none: has to be there where a hostile candidate may pass; it says that passing gained it nothing
    tiers     the tiers in which all of this is promised (all, if absent)
    limit, build_limit   seconds for the evaluation and the build
    at_least_ms, speedup_below, trials_at_least   what a timing has to show if it passed
    slower    an honest candidate of the same device that it may not be faster than
    canary    absent: the secrets laid out for it appear in no text
    leaves    nothing: no process or thread of its name survives; sysv KEY: no such shared memory
    marker    a path that must not exist afterwards (one a line); {torch}, {caesar}, {cache} are folders
    intact    a path whose content must not change
    listens   tcp PORT, udp PORT or unix @NAME: whoever listens there must hear nothing
    note      what it attempts
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

__all__ = ["TIERS", "Case", "Got", "cases", "complaints", "parse"]

TIERS = ("none", "process", "namespace")
"""From the weakest to the strictest."""

HOSTILE, HONEST, PASSED, BUILT = "hostile", "honest", "passed", "built"

_LINE = re.compile(r"# (?P<key>[a-z_]+): (?P<value>.*\S)\s*")
_SEVERAL_LINES = ("marker", "intact", "listens")
_FASTER = 0.7
"""A hostile candidate's time over its honest twin's below which it is faster, beyond the noise."""


@dataclass(frozen=True, slots=True)
class Case:
    """One candidate and what may become of it."""

    name: str
    """device/kind/stem."""
    source: str
    problem: str
    rows: tuple[str, ...]
    note: str
    build: tuple[str, ...] = (BUILT,)
    verdict: tuple[str, ...] = ()
    reason: tuple[str, ...] = ()
    findings: tuple[tuple[str, ...], ...] = ()
    """Each has to be there by one of its names."""
    effect: str | None = None
    tiers: tuple[str, ...] = TIERS
    limit: float = 90.0
    build_limit: float = 600.0
    at_least_ms: float | None = None
    speedup_below: float | None = None
    trials_at_least: int | None = None
    slower: str | None = None
    canary: str | None = None
    leaves: str | None = None
    marker: tuple[str, ...] = ()
    intact: tuple[str, ...] = ()
    listens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if BUILT in self.build and not self.verdict:
            raise ValueError(f"{self.name}: a candidate that is built needs a verdict")
        if self.kind == HONEST and (self.build, self.verdict) != ((BUILT,), (PASSED,)):
            raise ValueError(f"{self.name}: an honest candidate is built, and passes")
        if self.kind == HOSTILE and (PASSED in self.verdict) != (self.effect == "none"):
            raise ValueError(f"{self.name}: a hostile candidate passes exactly where it has no effect")
        if set(self.tiers) - set(TIERS):
            raise ValueError(f"{self.name}: there is no such tier among {self.tiers}")

    @property
    def device(self) -> str:
        """The kind of device it is for: cpu or cuda."""
        return self.name.split("/")[0]

    @property
    def kind(self) -> str:
        """hostile or honest."""
        return self.name.split("/")[1]

    @property
    def comm(self) -> str | None:
        """The name that it gives its processes, where it promises to leave none."""
        found = re.search(r'prctl\(15, b"(?P<name>[^"]{1,15})"\)', self.source)
        return found["name"] if found else None


@dataclass(frozen=True, slots=True)
class Got:
    """What became of a candidate."""

    build: str
    """As in a header: built, failed(REASON), timed_out(REASON)."""
    verdict: str | None = None
    reason: str | None = None
    findings: frozenset[str] = frozenset()
    median_ms: float | None = None
    speedup: float | None = None
    trials: int = 0
    seconds: float = 0.0
    texts: str = ""
    """Everything that the candidate could have put words into: logs, details, mismatches."""

    def __str__(self) -> str:
        """As the table prints it."""
        if self.verdict is None:
            return self.build
        why = f"({self.reason})" if self.reason else ""
        findings = f" [{', '.join(sorted(self.findings))}]" if self.findings else ""
        return f"{self.verdict}{why}{findings}"


def parse(name: str, source: str) -> Case:
    """The case that a candidate's source describes; ValueError, with its name, for a header that is none."""
    found: dict[str, object] = {}
    for key, value in _header(source):
        if key not in _READERS:
            raise ValueError(f"{name}: unknown key {key!r} in the header")
        if key in found and key not in _SEVERAL_LINES:
            raise ValueError(f"{name}: {key!r} twice in the header")
        read = _READERS[key](value)
        found[key] = (*found.get(key, ()), *read) if key in _SEVERAL_LINES else read
    missing = [key for key in ("problem", "rows", "note") if key not in found]
    if missing:
        raise ValueError(f"{name}: {missing[0]!r} is missing in the header")
    if name.split("/")[1] == HONEST:
        found.setdefault("verdict", (PASSED,))
    return Case(name=name, source=source, **found)


def cases(folder: Path) -> tuple[Case, ...]:
    """Every case in a folder of device/kind/NAME.py, in order of their names."""
    files = sorted(folder.glob("*/*/*.py"))
    return tuple(
        parse(file.relative_to(folder).with_suffix("").as_posix(), file.read_bytes().decode()) for file in files
    )


def complaints(case: Case, got: Got, *, twin: Got | None = None) -> tuple[str, ...]:
    """What differs from the expectation, a sentence each; empty where all of it holds."""
    return tuple(_complaints(case, got, twin))


def _complaints(case: Case, got: Got, twin: Got | None) -> Iterator[str]:
    if got.build not in case.build:
        yield f"build: expected {'|'.join(case.build)}, got {got.build}"
    if got.verdict is None:
        return
    if got.verdict not in case.verdict:
        yield f"verdict: expected {'|'.join(case.verdict)}, got {got.verdict}({got.reason})"
    elif got.reason is not None and case.reason and got.reason not in case.reason:
        yield f"reason: expected {'|'.join(case.reason)}, got {got.reason}"
    if case.verdict and got.verdict == case.verdict[0]:
        for names in case.findings:
            if not got.findings.intersection(names):
                yield f"finding {'|'.join(names)} is missing among {sorted(got.findings)}"
    if case.kind == HONEST and "tampered" in got.findings:
        yield "an honest candidate is said to have tampered with its process"
    if got.verdict == PASSED:
        yield from _timing_complaints(case, got, twin)


def _timing_complaints(case: Case, got: Got, twin: Got | None) -> Iterator[str]:
    if got.median_ms is None:
        yield "passed without a timing"
        return
    if case.at_least_ms is not None and got.median_ms < case.at_least_ms:
        yield f"reported {got.median_ms:.4g} ms for work of at least {case.at_least_ms:g} ms"
    if case.trials_at_least is not None and got.trials < case.trials_at_least:
        yield f"only {got.trials} calls were timed, at least {case.trials_at_least} should be"
    if case.speedup_below is not None and (got.speedup or 0.0) >= case.speedup_below:
        yield f"reported a speedup of {got.speedup:.3g}, which should stay below {case.speedup_below:g}"
    if twin is not None and twin.median_ms is not None and got.median_ms < _FASTER * twin.median_ms:
        yield f"reported {got.median_ms:.4g} ms, where {case.slower} takes {twin.median_ms:.4g} ms"


def _header(source: str) -> Iterator[tuple[str, str]]:
    for line in source.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            return
        yield found["key"], found["value"]


def _alternatives(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split("|"))


def _listed(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(","))


def _findings(value: str) -> tuple[tuple[str, ...], ...]:
    return tuple(_alternatives(part) for part in _listed(value))


def _text(value: str) -> str:
    return value


def _line(value: str) -> tuple[str, ...]:
    return (value,)


_READERS = {
    **{field.name: _text for field in fields(Case) if field.name not in ("name", "source")},
    **dict.fromkeys(("rows", "tiers"), _listed),
    **dict.fromkeys(("build", "verdict", "reason"), _alternatives),
    **dict.fromkeys(_SEVERAL_LINES, _line),
    **dict.fromkeys(("limit", "build_limit", "at_least_ms", "speedup_below"), float),
    "findings": _findings,
    "trials_at_least": int,
}
