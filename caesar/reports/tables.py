"""From query results to what `caesar report` shows: sheets of cells for people, a document for programs.

Pure. Values stay exact in the document; only cells are rounded. How a run's completions came about is
part of its figures: a recording says nothing about a model today.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from caesar.reports.paired import Comparison, Estimate
from caesar.reports.query import Table

__all__ = ["Column", "Form", "Report", "Sheet", "cell", "device_sheet", "document", "report", "sheets"]

_ABSENT = "-"


class Form(StrEnum):
    """How a column's values are written for people."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"
    SPEEDUP = "speedup"
    MILLISECONDS = "milliseconds"
    SECONDS = "seconds"
    USD = "usd"

    @property
    def numeric(self) -> bool:
        """Whether cells line up on the right."""
        return self is not Form.TEXT


_FORMATS = {
    Form.TEXT: "{}",
    Form.COUNT: "{:,}",
    Form.SHARE: "{:.1%}",
    Form.SPEEDUP: "{:.2f}x",
    Form.MILLISECONDS: "{:,.4f}",
    Form.SECONDS: "{:,.1f}",
    Form.USD: "{:,.4f}",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column for people."""

    title: str
    form: Form = Form.TEXT
    unit: str | None = None
    """ms, s, USD; None where the cell says it or there is none."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table for people, its values not yet rounded."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[object, ...], ...]

    @property
    def cells(self) -> tuple[tuple[str, ...], ...]:
        """The rows as texts, rounded to what can be read."""
        return tuple(
            tuple(cell(value, form=column.form) for column, value in zip(self.columns, row, strict=True))
            for row in self.rows
        )


@dataclass(frozen=True, slots=True)
class Report:
    """Runs side by side: what became of them, fast_p by turn, the speedup of each problem."""

    summary: Table
    fast_p: Table
    speedup: Table
    kernelbench: Table
    """Agreement with KernelBench's own evaluator; no rows where it judged nothing."""
    notes: tuple[str, ...]
    """What a reader has to know before believing a figure, one sentence each."""
    paired: tuple[Comparison, ...] = ()
    """Runs that continue the same turns, one against the other."""


def report(
    *,
    summary: Table,
    fast_p: Table,
    speedup: Table,
    kernelbench: Table,
    paired: tuple[Comparison, ...] = (),
) -> Report:
    """The report over the results of the queries of these names, with its notes."""
    notes = tuple(note for run in summary.records() for note in _notes(run))
    return Report(summary, fast_p, speedup, kernelbench, notes, paired)


def sheets(shown: Report) -> tuple[Sheet, ...]:
    """The report for people: a summary, fast_p by turn, the problems, and whatever else there is to show."""
    always = (_summary_sheet(shown.summary), _fast_p_sheet(shown.fast_p), _speedup_sheet(shown.speedup))
    agreement = (_kernelbench_sheet(shown.kernelbench),) if shown.kernelbench.rows else ()
    return (*always, *((_paired_sheet(shown.paired),) if shown.paired else ()), *agreement)


def document(shown: Report) -> dict[str, object]:
    """The report for programs: {runs: [{...summary, fast_p, problems, kernelbench}], paired, notes}.

    fast_p and problems are lists; kernelbench is null where KernelBench judged nothing.
    """
    fast_p, problems = shown.fast_p.records(), shown.speedup.records()
    agreement = shown.kernelbench.records()
    runs = [
        {
            **run,
            "fast_p": _of_run(fast_p, run["run"]),
            "problems": _of_run(problems, run["run"]),
            "kernelbench": next(iter(_of_run(agreement, run["run"])), None),
        }
        for run in shown.summary.records()
    ]
    return {"runs": runs, "paired": [asdict(one) for one in shown.paired], "notes": list(shown.notes)}


def cell(value: object, *, form: Form) -> str:
    """A value as people read it; a dash where it is absent."""
    return _ABSENT if value is None else _FORMATS[form].format(value)


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


def _of_run(records: Iterable[Mapping[str, object]], run: object) -> list[dict[str, object]]:
    repeated = {"run", "name"}
    return [
        {key: value for key, value in record.items() if key not in repeated}
        for record in records
        if record["run"] == run
    ]


def _summary_sheet(summary: Table) -> Sheet:
    columns = (
        Column("run"),
        Column("state"),
        Column("model"),
        Column("device"),
        Column("finished"),
        Column("turns", Form.COUNT),
        Column("passed", Form.COUNT),
        Column("faults", Form.COUNT),
        Column("tokens", Form.COUNT),
        Column("cost", Form.USD, "USD"),
        Column("device time", Form.SECONDS, "s"),
    )
    return Sheet("runs", columns, tuple(_summary_row(run) for run in summary.records()))


def _summary_row(run: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        run["name"],
        run["state"],
        ", ".join(run["models"]) or None,
        ", ".join(run["devices"]) or None,
        f"{run['finished']}/{run['planned']}",
        run["turns"],
        run["passed"],
        run["faults"],
        run["input_tokens"] + run["output_tokens"],
        run["usd"],
        run["device_s"],
    )


def device_sheet(device_time: Table) -> Sheet:
    """Where each run's time on devices went."""
    parts = ("waited", "held", "setup", "check", "timing", "profile", "other")
    columns = (
        Column("run"),
        Column("leases", Form.COUNT),
        *(Column(part, Form.SECONDS, "s") for part in parts),
        Column("recalled", Form.COUNT),
    )
    rows = tuple(
        (run["name"], run["leases"], *(run[f"{part}_s"] for part in parts), run["recalled"])
        for run in device_time.records()
    )
    return Sheet("time on devices", columns, rows)


def _fast_p_sheet(fast_p: Table) -> Sheet:
    records: tuple[Mapping[str, Any], ...] = fast_p.records()
    thresholds = sorted({record["p"] for record in records})
    shares = {(record["run"], record["turn"], record["p"]): record["fast_p"] for record in records}
    turns = {(record["run"], record["turn"]): record for record in records}
    columns = (
        Column("run"),
        Column("turns", Form.COUNT),
        *(Column(f"fast_{threshold:g}", Form.SHARE) for threshold in thresholds),
        Column("trajectories"),
    )
    rows = tuple(
        (
            record["name"],
            turn,
            *(shares[run, turn, threshold] for threshold in thresholds),
            f"{record['trajectories']}/{record['planned']}",
        )
        for (run, turn), record in turns.items()
    )
    return Sheet("fast_p after n turns", columns, rows)


def _kernelbench_sheet(agreement: Table) -> Sheet:
    columns = (
        Column("run"),
        Column("compared", Form.COUNT),
        Column("agreed", Form.COUNT),
        Column("only ours", Form.COUNT),
        Column("only KernelBench's", Form.COUNT),
        Column("timed by both", Form.COUNT),
        Column("our time over theirs", Form.SPEEDUP),
        Column("within 3%", Form.COUNT),
    )
    names = ("name", "compared", "agreed", "only_ours", "only_kernelbench", "timed", "time_ratio", "within_3")
    rows = tuple(tuple(record[name] for name in names) for record in agreement.records())
    return Sheet("agreement with KernelBench's own evaluator", columns, rows)


def _speedup_sheet(speedup: Table) -> Sheet:
    columns = (
        Column("run"),
        Column("problem"),
        Column("speedup", Form.SPEEDUP),
        Column("runtime", Form.MILLISECONDS, "ms"),
        Column("baseline", Form.MILLISECONDS, "ms"),
        Column("best turn", Form.COUNT),
        Column("first pass", Form.COUNT),
        Column("outcomes by turn"),
    )
    return Sheet("best candidate of each problem", columns, tuple(_speedup_rows(speedup.records())))


def _speedup_rows(records: Iterable[Mapping[str, Any]]) -> Iterable[tuple[object, ...]]:
    geomeans: dict[str, tuple[object, ...]] = {}
    for record in records:
        yield (
            record["name"],
            f"{record['problem']} {record['problem_name']}".strip(),
            record["best_speedup"],
            record["best_runtime_ms"],
            record["baseline_ms"],
            record["best_turn"],
            record["first_pass_turn"],
            " | ".join(" ".join(outcomes) for outcomes in record["outcomes"] or ()) or None,
        )
        mean = f"geometric mean of {record['solved']}"
        geomeans[record["run"]] = (record["name"], mean, record["geomean_speedup"], *(None,) * 5)
    yield from geomeans.values()


def _paired_sheet(paired: Sequence[Comparison]) -> Sheet:
    columns = (
        Column("run"),
        Column("against"),
        Column("after turns", Form.COUNT),
        Column("problems", Form.COUNT),
        Column("pairs", Form.COUNT),
        Column("fast_1 difference"),
        Column("better/worse"),
        Column("speedup ratio"),
    )
    rows = tuple(
        (
            one.name,
            one.against_name,
            one.turns,
            one.problems,
            one.pairs,
            _interval(one.fast_1, "{:+.1%}"),
            f"{one.better}/{one.worse}",
            None if one.ratio is None else _interval(one.ratio, "{:.2f}x"),
        )
        for one in paired
    )
    return Sheet("runs that continue the same turns (95% intervals)", columns, rows)


def _interval(estimate: Estimate, form: str) -> str:
    value = form.format(estimate.value)
    if estimate.low is None or estimate.high is None:
        return f"{value} [too few]"
    return f"{value} [{form.format(estimate.low)}, {form.format(estimate.high)}]"
