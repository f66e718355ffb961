"""From a report to the tables that `caesar report` shows people. Pure; values are not yet rounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from caesar.reports.paired import Comparison, Difference, Estimate
from caesar.reports.query import Table
from caesar.reports.report import UNDOUBTED, Report
from caesar.reports.sheet import Column, Form, Sheet

__all__ = ["device_sheet", "sheets"]

_DOUBT = "!"
"""Before a kind of finding that puts a speedup in doubt, here as in docs/verdicts.md."""


def sheets(shown: Report) -> tuple[Sheet, ...]:
    """The report for people: a summary, fast_p by turn, the problems, and whatever else there is to show."""
    always = (_summary_sheet(shown.summary), _fast_p_sheet(shown.fast_p), _speedup_sheet(shown.speedup))
    told = (
        (shown.findings.rows, _findings_sheet(shown.findings)),
        (shown.trust.rows, _trust_sheet(shown.trust)),
        (shown.paired, _paired_sheet(shown.paired)),
        (shown.kernelbench.rows, _kernelbench_sheet(shown.kernelbench)),
    )
    return (*always, *(sheet for rows, sheet in told if rows))


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
    columns = (
        Column("run"),
        Column("turns", Form.COUNT),
        *(Column(f"fast_{threshold:g}", Form.SHARE) for threshold in thresholds),
        Column("trajectories"),
    )
    rows = tuple(_fast_p_rows(records))
    return Sheet("fast_p after n turns", columns, rows)


def _fast_p_rows(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[object, ...]]:
    """A row for each run and turn, and one without doubted candidates where those make a difference."""
    for _, thresholds in groupby(records, key=lambda record: (record["run"], record["turn"])):
        found = list(thresholds)
        name, turn, doubted = found[0]["name"], found[0]["turn"], max(record["doubted"] for record in found)
        counted = f"{found[0]['trajectories']}/{found[0]['planned']}"
        yield (name, turn, *(record["fast_p"] for record in found), counted)
        if doubted:
            shares = (record["fast_p_undoubted"] for record in found)
            yield (f"{name}, {UNDOUBTED}", turn, *shares, f"{doubted} in doubt")


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
        Column("95% interval"),
        Column("runtime", Form.MILLISECONDS, "ms"),
        Column("baseline", Form.MILLISECONDS, "ms"),
        Column("best turn", Form.COUNT),
        Column("first pass", Form.COUNT),
        Column(f"findings ({_DOUBT} in doubt)"),
        Column("outcomes by turn"),
    )
    return Sheet("best candidate of each problem", columns, tuple(_speedup_rows(speedup.records())))


def _speedup_rows(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[object, ...]]:
    last: dict[str, Mapping[str, Any]] = {}
    for record in records:
        yield _speedup_row(record)
        last[record["run"]] = record
    for run in last.values():
        yield _mean_row(run["name"], run["solved"], run["geomean_speedup"])
        if run["doubted"]:
            yield _mean_row(f"{run['name']}, {UNDOUBTED}", run["solved_undoubted"], run["geomean_undoubted"])


def _speedup_row(record: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        record["name"],
        f"{record['problem']} {record['problem_name']}".strip(),
        record["best_speedup"],
        None if record["best_low"] is None else _bounds(record["best_low"], record["best_high"], "{:.2f}x"),
        record["best_runtime_ms"],
        record["baseline_ms"],
        record["best_turn"],
        record["first_pass_turn"],
        " ".join(_marked(kind, record["best_doubts"]) for kind in record["best_findings"] or ()) or None,
        " | ".join(" ".join(outcomes) for outcomes in record["outcomes"] or ()) or None,
    )


def _mean_row(name: str, solved: int, geomean: float | None) -> tuple[object, ...]:
    return (name, f"geometric mean of {solved}", geomean, *(None,) * 7)


def _marked(kind: str, doubts: Sequence[str]) -> str:
    return f"{_DOUBT}{kind}" if kind in doubts else kind


def _findings_sheet(findings: Table) -> Sheet:
    columns = (
        Column("run"),
        Column(f"finding ({_DOUBT} puts a speedup in doubt)"),
        Column("evaluations", Form.COUNT),
        Column("passed", Form.COUNT),
        Column("trajectories", Form.COUNT),
    )
    rows = tuple(
        (
            record["name"],
            f"{_DOUBT if record['in_doubt'] else ''}{record['finding']}",
            record["evaluations"],
            record["passed"],
            record["trajectories"],
        )
        for record in findings.records()
    )
    return Sheet("findings", columns, rows)


def _trust_sheet(trust: Table) -> Sheet:
    columns = (
        Column("run"),
        Column("isolation"),
        Column("trust"),
        Column("evaluations", Form.COUNT),
        Column("passed", Form.COUNT),
        Column("trajectories", Form.COUNT),
    )
    names = ("name", "isolation", "trust", "evaluations", "passed", "trajectories")
    rows = tuple(tuple(record[name] for name in names) for record in trust.records())
    return Sheet("trust in the results", columns, rows)


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
    rows = tuple(row for one in paired for row in _paired_rows(one))
    return Sheet("runs that continue the same turns (95% intervals)", columns, rows)


def _paired_rows(one: Comparison) -> Iterator[tuple[object, ...]]:
    """A row, and one without doubted candidates where those make a difference."""
    compared = (one.against_name, one.turns, one.problems, one.pairs)
    yield (one.name, *compared, *_difference_cells(one.measured))
    if one.doubted:
        yield (f"{one.name}, {UNDOUBTED}", *compared, *_difference_cells(one.undoubted))


def _difference_cells(found: Difference) -> tuple[object, ...]:
    ratio = None if found.ratio is None else _interval(found.ratio, "{:.2f}x")
    return (_interval(found.fast_1, "{:+.1%}"), f"{found.better}/{found.worse}", ratio)


def _interval(estimate: Estimate, form: str) -> str:
    value = form.format(estimate.value)
    if estimate.low is None or estimate.high is None:
        return f"{value} [too few]"
    return f"{value} {_bounds(estimate.low, estimate.high, form)}"


def _bounds(low: float, high: float, form: str) -> str:
    return f"[{form.format(low)}, {form.format(high)}]"
