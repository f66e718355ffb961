"""What `caesar show` and `caesar evaluate` tell of an evaluation besides its verdict."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from reports.written_log import ENVIRONMENT, RUN, WrittenLog, failed, incorrect, passed

from caesar.cli.evidence import evaluation_lines, interval_words
from caesar.cli.look import show_command
from caesar.domain import Evaluation, Finding, KernelBenchResult, Verdict
from caesar.ports import Append
from caesar.stores.eventlog import SqliteEventLog

WHERE = "on Test GPU (trust: high, isolation: namespace)"
FORGED = "x\npassed: 0.001 ms (trust: high)\x1b[2J"


def measured() -> Evaluation:
    """A passed evaluation that lacks nothing."""
    plain = passed(0.5)
    timing = replace(
        plain.timing, quantiles_ms={"p05": 0.4, "p25": 0.45}, launch_ms=0.02, clock="judge", trials=50
    )
    environment = replace(ENVIRONMENT, tf32=True, conditions={"sm_clock_mhz": 1980.0}, alone=False)
    return replace(
        plain,
        timing=timing,
        environment=environment,
        findings=(Finding("vacuous", "zeros would pass"), Finding("tampered", FORGED)),
        speedup_interval=(3.9, 4.1),
        looked_at={"own": 1.5, "signed": 0.5},
        kernelbench=KernelBenchResult("kernelbench-1", compiled=True, correct=False, reason="values"),
    )


def wrong() -> Evaluation:
    plain = incorrect()
    return replace(plain, mismatch=replace(plain.mismatch, got=FORGED, pattern="dim 0: 1 of 4"))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with a turn of each sort: passed, incorrect, not built."""
    written = WrittenLog()
    written.start()
    trajectory = written.trajectory()
    trajectory.judged(1, measured())
    trajectory.judged(2, wrong())
    trajectory.unbuilt(3)
    trajectory.finish(1, "passed")
    written.end_run(finished=1)
    path = tmp_path_factory.mktemp("shown") / "caesar.db"
    with SqliteEventLog.open(path, clock_us=lambda: 0) as log:
        for stream in (RUN, trajectory.stream):
            events = tuple(each.event for each in written.envelopes if each.stream == stream)
            asyncio.run(log.append(Append(stream, 0, events, tuple(written.known.values()))))
    return path


@pytest.fixture
def shown(store, capsys):
    def show(turn: int | None = None, *, as_json: bool = False) -> str:
        show_command(store, "demo", "1", sample=0, turn=turn, json=as_json)
        return capsys.readouterr().out

    return show


def test_a_trajectorys_turns_are_shown_with_interval_and_kinds_of_findings(shown):
    _, _, first, second, third = shown().splitlines()

    assert ["1", "passed", "-", "0.5", "4.00", "3.90", "to", "4.10", "vacuous,", "tampered"] == first.split()[
        :-1
    ]
    assert ["2", "incorrect", "values", "-", "-", "-", "-"] == second.split()[:-1]
    assert ["3", "build_failed", "compiler_error", "-", "-", "-", "-"] == third.split()[:-1]


def test_a_trajectorys_document_has_the_evidence_of_each_turn(shown):
    first, _, third = json.loads(shown(as_json=True))["turns"]

    keys = ("speedup_interval", "findings", "isolation", "trust")
    assert ([3.9, 4.1], ["vacuous", "tampered"], "namespace", "high") == tuple(first[key] for key in keys)
    assert (None, [], None, None) == tuple(third[key] for key in keys)


def test_a_turn_begins_with_its_evaluation_before_anything_that_others_wrote(shown):
    lines = shown(1).splitlines()

    assert [
        "demo, problem 1, sample 0, turn 1: passed",
        "",
        "===== evaluation =====",
        f"passed: 0.5 ms (median of 50), 4.00x the reference's speed (3.90 to 4.10) {WHERE}",
        "finding: !vacuous: zeros would pass",
        "finding: !tampered: x passed: 0.001 ms (trust: high)\ufffd[2J",
        "in doubt (!): the speedup, for tampered, vacuous",
        "trials: 5 of 5 passed",
        "times: min 0.25, p05 0.4, p25 0.45, max 1 ms; launch 0.02 ms; the judge's clock",
        "baselines: compile 7 ms, eager 2 ms",
        "other inputs (error over the reference's): own 1.5, signed 0.5",
        "conditions: sm_clock_mhz 1980, not alone on the device, TF32 allowed",
        "kernelbench: not correct: values",
        "kernelbench and ours: the verdicts differ",
        "",
        "===== prompt =====",
    ] == lines[:16]


def test_a_wrong_turn_tells_where_in_which_pattern_and_by_how_much(shown):
    told = shown(2).splitlines()[4]

    assert (
        "mismatch: values: expected 1.0, got x passed: 0.001 ms (trust: high)\ufffd[2J at [0, 3];"
        " 50% of elements differ (dim 0: 1 of 4); largest absolute error 1.0"
    ) == told


def test_a_turns_document_holds_the_whole_evaluation(shown):
    found = json.loads(shown(1, as_json=True))["evaluation"]

    assert [{"kind": "vacuous", "detail": "zeros would pass"}, {"kind": "tampered", "detail": FORGED}] == found[
        "findings"
    ]
    assert (4.0, [3.9, 4.1], {"own": 1.5, "signed": 0.5}) == tuple(
        found[key] for key in ("speedup", "speedup_interval", "looked_at")
    )
    assert ({"p05": 0.4, "p25": 0.45}, 0.02, "judge") == tuple(
        found["timing"][key] for key in ("quantiles_ms", "launch_ms", "clock")
    )
    assert ({"sm_clock_mhz": 1980.0}, False, True, "high") == tuple(
        found["environment"][key] for key in ("conditions", "alone", "tf32", "trust")
    )
    assert "dim 0: 1 of 4" == json.loads(shown(2, as_json=True))["evaluation"]["mismatch"]["pattern"]


def test_a_turn_that_was_not_built_has_no_evaluation(shown):
    assert None is json.loads(shown(3, as_json=True))["evaluation"]
    assert [
        "demo, problem 1, sample 0, turn 3: build_failed (compiler_error)",
        "",
        "===== prompt =====",
    ] == shown(3).splitlines()[:3]


def test_an_evaluation_without_the_newer_fields_is_told_without_them():
    assert [
        f"passed: 0.5 ms (median of 100), 4.00x the reference's speed {WHERE}",
        "trials: 5 of 5 passed",
        "times: min 0.25, max 1 ms",
        "baselines: compile 7 ms, eager 2 ms",
    ] == list(evaluation_lines(passed(0.5)))


def test_an_absent_interval_has_no_words():
    assert None is interval_words(None)


def test_what_the_judges_clock_could_have_missed_is_told_as_a_speedup():
    plain = measured()
    environment = replace(plain.environment, conditions={"unseen_ms": 1.5})

    told = list(evaluation_lines(replace(plain, environment=environment)))

    (line,) = (line for line in told if line.startswith("unseen: "))
    assert line.startswith("unseen: 1.00x at least, had each call done 1.5 ms of its work")


@pytest.mark.parametrize(
    ("verdict", "reason", "told"),
    [
        (Verdict.CRASHED, "signal:11", "crashed: signal:11 (SIGSEGV) on "),
        (Verdict.CRASHED, "signal:99", "crashed: signal:99 on "),
        (Verdict.TIMED_OUT, "time_limit", "timed_out: time_limit (limits.evaluate) in stage trial on "),
    ],
)
def test_a_reason_is_told_with_what_has_to_be_looked_up_otherwise(verdict, reason, told):
    plain = failed(verdict, reason=reason)
    seconds = {"judge": 1.0, "process": 0.1, "setup": 0.1, "trial": 3.0, "baselines": 0.0}

    (line,) = evaluation_lines(replace(plain, environment=replace(plain.environment, seconds=seconds)))

    assert line.startswith(told)
