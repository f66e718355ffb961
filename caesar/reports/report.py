"""What `caesar report` tells: its queries' results, what has to be said of them, a document for programs.

Pure, and exact: nothing is rounded here. How a run's completions came about, and which speedups are in
doubt, is part of its figures: a recording says nothing about a model today.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from caesar.reports.paired import Comparison
from caesar.reports.query import Table

__all__ = ["QUERIES", "UNDOUBTED", "Report", "document", "report"]

QUERIES = ("summary", "fast_p", "speedup", "findings", "trust", "kernelbench")
"""The queries that a report is made of."""

UNDOUBTED = "undoubted"
"""The name of rows without candidates whose speedup is in doubt."""


@dataclass(frozen=True, slots=True)
class Report:
    """Runs side by side: what became of them, fast_p by turn, the speedup of each problem."""

    summary: Table
    fast_p: Table
    speedup: Table
    findings: Table
    """What was noticed about the candidates, by kind."""
    trust: Table
    """In which tiers results came, and how far they can be trusted."""
    kernelbench: Table
    """Agreement with KernelBench's own evaluator; no rows where it judged nothing."""
    notes: tuple[str, ...]
    """What a reader has to know before believing a figure, one sentence each."""
    paired: tuple[Comparison, ...] = ()
    """Runs that continue the same turns, one against the other."""


def report(tables: Mapping[str, Table], *, paired: tuple[Comparison, ...] = ()) -> Report:
    """The report over the results of QUERIES, by name, with its notes."""
    notes = [note for run in tables["summary"].records() for note in _notes(run)]
    return Report(**tables, notes=(*notes, *_doubt_notes(tables["speedup"])), paired=paired)


def document(shown: Report) -> dict[str, object]:
    """The report for programs: {runs: [{...summary, fast_p, problems, findings, ...}], paired, notes}.

    fast_p, problems, findings and trust are lists; kernelbench is null where KernelBench judged nothing.
    """
    fast_p, problems = shown.fast_p.records(), shown.speedup.records()
    findings, trust = shown.findings.records(), shown.trust.records()
    agreement = shown.kernelbench.records()
    runs = [
        {
            **run,
            "fast_p": _of_run(fast_p, run["run"]),
            "problems": _of_run(problems, run["run"]),
            "findings": _of_run(findings, run["run"]),
            "trust": _of_run(trust, run["run"]),
            "kernelbench": next(iter(_of_run(agreement, run["run"])), None),
        }
        for run in shown.summary.records()
    ]
    return {"runs": runs, "paired": [asdict(one) for one in shown.paired], "notes": list(shown.notes)}


def _notes(run: Mapping[str, Any]) -> Iterable[str]:
    name = run["name"]
    if run["provenance"] is not None:
        yield f"run {name}: completions were replayed, not asked of a model: {run['provenance'].rstrip('.')}"
    waiting = run["planned"] - run["finished"]
    if waiting:
        yield f"run {name}: {waiting} of {run['planned']} trajectories are not finished; figures may change"
    if run["cpu_shared"]:
        yield (
            f"run {name}: {run['cpu_shared']} of {run['passed']} timings were taken while other processes used"
            " the CPU, which distorts them"
        )
    if len(run["devices"]) > 1:
        yield f"run {name}: evaluations ran on unlike devices ({', '.join(run['devices'])})"


def _doubt_notes(speedup: Table) -> Iterator[str]:
    for _, problems in groupby(speedup.records(), key=lambda record: record["run"]):
        records: list[Mapping[str, Any]] = list(problems)
        name, doubted, solved = (records[0][key] for key in ("name", "doubted", "solved"))
        if doubted:
            kinds = Counter(kind for record in records for kind in record["best_doubts"] or ())
            counts = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
            yield (
                f"run {name}: {doubted} of {solved} best speedups in doubt ({counts});"
                f" rows named {UNDOUBTED} are without such candidates"
            )


def _of_run(records: Iterable[Mapping[str, object]], run: object) -> list[dict[str, object]]:
    repeated = {"run", "name"}
    return [
        {key: value for key, value in record.items() if key not in repeated}
        for record in records
        if record["run"] == run
    ]
