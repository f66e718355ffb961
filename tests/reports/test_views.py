"""What the views of analysis/00_views.sql say about a log."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_log import ENVIRONMENT, GPU, RUN, START_US, WrittenLog, failed, incorrect, passed, spec

from caesar.domain import DOUBTS, BuildOutcome, Finding, Verdict
from caesar.evaluators.policy import FINDINGS
from caesar.events import EvaluationRecalled, LeaseGranted, LeaseReleased, kinds
from caesar.reports.database import connect
from caesar.reports.query import run_query
from caesar.reports.report import QUERIES

ROOT = Path(__file__).parents[2]
GOLDEN = sorted((ROOT / "tests" / "golden").glob("*.jsonl"))


def rows(log: WrittenLog, query: str) -> list[tuple]:
    connection = log.connect()
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_the_views_read_the_current_version_of_every_kind():
    newer = {name: kind.v for name, kind in kinds().items() if kind.v > 1}

    # a kind that renames or removes a field needs a branch in 00_views.sql; these only add some
    expected = {"build_completed": 2, "evaluation_completed": 3, "run_started": 2, "run_resumed": 2}
    assert expected == newer


def test_a_run_is_described_by_its_start_and_its_spec():
    log = WrittenLog()
    log.start(name="demo", group="papers", samples=2, turns=3)

    found = rows(
        log,
        "SELECT run, name, run_group, samples, turns, model, context_history, context_show, state FROM runs",
    )

    expected = (RUN, "demo", "papers", 2, 3, "recorded/starter", "last", ["candidate", "verdict"], "running")
    assert [expected] == found


def test_the_newest_extension_wins_for_problems_samples_and_turns():
    log = WrittenLog()
    one, two, three = (log.problem(each, name=f"P{each}") for each in "123")
    log.start(problems=[one], samples=1, turns=3)
    log.extend(problems=[one, two], samples=2, turns=4)
    log.extend(problems=[two, one, three], samples=3, turns=None)

    found = rows(log, "SELECT samples, turns FROM runs")
    problems = rows(log, "SELECT position, problem, name FROM run_problems ORDER BY position")

    assert found == [(3, None)]
    assert problems == [(1, "2", "P2"), (2, "1", "P1"), (3, "3", "P3")]


@pytest.mark.parametrize(("suspended", "state"), [(0, "finished"), (1, "suspended")])
def test_a_run_is_over_once_its_last_event_says_so(suspended, state):
    log = WrittenLog()
    log.start()
    log.end_run(finished=1, suspended=suspended)

    assert [(state,)] == rows(log, "SELECT state FROM runs")


def test_a_finished_run_that_is_extended_is_running_again():
    log = WrittenLog()
    log.start()
    log.end_run(finished=1)
    log.extend(problems=[log.problem("1")], turns=5)

    assert rows(log, "SELECT state FROM runs") == [("running",)]


def test_a_trajectory_is_running_until_it_finishes():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.judged(1, passed(1.0))

    before = rows(log, "SELECT state, result_turn FROM trajectories")
    trajectory.finish(1, "passed")
    after = rows(log, "SELECT state, result_turn, result_rule, result_outcome FROM trajectories")

    assert before == [("running", None)]
    assert after == [("finished", 1, "best", "passed")]


def test_a_suspended_trajectory_says_why_until_it_is_resumed():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.begin(1)
    trajectory.fault_generation(1, retry_at_us=None)
    trajectory.suspend(1)

    before = rows(log, "SELECT state, fault, fault_message FROM trajectories")
    trajectory.resume()
    after = rows(log, "SELECT state, fault, fault_message FROM trajectories")

    assert before == [("suspended", "model", "HTTP 500")]
    assert after == [("running", None, None)]


def test_an_extended_trajectory_has_no_result_until_it_finishes_again():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.judged(1, passed(1.0))
    trajectory.finish(1, "passed")
    trajectory.extend(2)

    before = rows(log, "SELECT state, result_turn FROM trajectories")
    trajectory.judged(2, passed(0.5))
    trajectory.finish(2, "passed")
    after = rows(log, "SELECT state, result_turn FROM trajectories")

    assert before == [("running", None)]
    assert after == [("finished", 2)]


def test_a_passed_turn_has_medians_and_their_ratio():
    log = WrittenLog()
    log.start()
    log.trajectory().judged(1, passed(0.5, baseline_ms=2.0, mean_ms=0.75))

    found = rows(log, "SELECT outcome, verdict, reason, runtime_ms, mean_ms, baseline_ms, speedup FROM turns")

    assert found == [("passed", "passed", None, 0.5, 0.75, 2.0, 4.0)]


def test_a_turn_that_passed_without_an_eager_baseline_has_no_speedup():
    log = WrittenLog()
    log.start()
    log.trajectory().judged(1, passed(0.5, baseline_ms=None))

    assert rows(log, "SELECT runtime_ms, baseline_ms, speedup FROM turns") == [(0.5, None, None)]


@pytest.mark.parametrize(
    "evaluation",
    [
        incorrect(),
        failed(Verdict.CRASHED, reason="signal:11"),
        failed(Verdict.TIMED_OUT, reason="time_limit"),
        failed(Verdict.REJECTED, reason="policy"),
    ],
    ids=lambda evaluation: evaluation.verdict,
)
def test_a_turn_that_did_not_pass_has_a_reason_and_no_times(evaluation):
    log = WrittenLog()
    log.start()
    log.trajectory().judged(1, evaluation)

    found = rows(log, "SELECT verdict, reason, runtime_ms, mean_ms, trials, speedup FROM turns")

    assert [(str(evaluation.verdict), evaluation.reason, None, None, None, None)] == found


def test_an_incorrect_turn_says_how_the_output_differs():
    log = WrittenLog()
    log.start()
    log.trajectory().judged(1, incorrect())

    found = rows(
        log,
        "SELECT mismatch.kind, mismatch.index, mismatch.wrong_share, correctness_passed, correctness_trials"
        " FROM turns",
    )

    assert found == [("values", [0, 3], 0.5, 2, 5)]


def test_a_turn_holds_what_supports_its_speedup():
    log = WrittenLog()
    log.start()
    quantiles = {"p05": 0.4, "p25": 0.45, "p75": 0.55, "p95": 0.6}
    plain = passed(0.5)
    measured = replace(plain.timing, quantiles_ms=quantiles, launch_ms=0.02, clock="judge")
    environment = replace(
        ENVIRONMENT, driver="570.1", tf32=True, conditions={"sm_clock_mhz": 1980.0}, alone=True
    )
    log.trajectory().judged(
        1,
        replace(
            plain,
            timing=measured,
            environment=environment,
            speedup_interval=(3.9, 4.1),
            looked_at={"own": 1.5, "signed": 0.5},
        ),
    )

    columns = (
        "speedup_low, speedup_high, p05_ms, p25_ms, p75_ms, p95_ms, launch_ms, clock, driver, tf32, alone,"
        " conditions['sm_clock_mhz'], looked_at"
    )
    of_turns, of_evaluations = (rows(log, f"SELECT {columns} FROM {view}") for view in ("turns", "evaluations"))

    looked_at = {"own": 1.5, "signed": 0.5}
    assert [(3.9, 4.1, 0.4, 0.45, 0.55, 0.6, 0.02, "judge", "570.1", True, True, 1980.0, looked_at)] == of_turns
    assert of_turns == of_evaluations


def test_a_mismatch_has_its_pattern():
    log = WrittenLog()
    log.start()
    wrong = incorrect()
    log.trajectory().judged(1, replace(wrong, mismatch=replace(wrong.mismatch, pattern="dim 0: all of 4")))

    assert [("dim 0: all of 4",)] == rows(log, "SELECT mismatch.pattern FROM turns")


def test_the_findings_that_put_a_speedup_in_doubt_are_picked_out_sorted():
    log = WrittenLog()
    log.start()
    found = ("vacuous", "torch_fallback", "tampered")
    trajectory = log.trajectory()
    trajectory.judged(1, replace(passed(1.0), findings=tuple(Finding(kind, "so") for kind in found)))
    trajectory.judged(2, passed(1.0))
    trajectory.codeless(3)

    assert [(["tampered", "vacuous"],), ([],), (None,)] == rows(log, "SELECT doubts FROM turns ORDER BY turn")


def test_the_documents_mark_the_findings_that_put_a_speedup_in_doubt():
    lines = (ROOT / "docs" / "verdicts.md").read_text().partition("## Findings")[2].splitlines()
    marked = {
        kind
        for line in lines
        if (cells := re.match(r"\| (.+?) \|", line)) and cells[1].endswith("!")
        for kind in re.findall(r"`(\w+)`", cells[1])
    }

    doubts = {kind for (kind,) in rows(WrittenLog(), "FROM doubts")}

    assert doubts == marked == DOUBTS
    assert doubts <= set(FINDINGS)


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_logs_of_earlier_versions_are_reported_on(file):
    """What they are too old to say is absent."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    keys = ("seq", "stream", "version", "kind", "v", "recorded_at_us", "body")
    table = pa.table({key: [line[key] for line in lines] for key in keys})
    connection = connect(table.to_batches)
    try:
        tables = {name: run_query(connection, name) for name in QUERIES}
        old = connection.execute("SELECT count(*) FROM evaluations WHERE doubts IS NULL").fetchall()
    finally:
        connection.close()

    assert all(tables[name].rows for name in ("summary", "fast_p", "speedup", "trust"))
    assert [(0,)] == old


def test_a_failed_build_is_told_with_its_log_and_no_verdict():
    log = WrittenLog()
    log.start()
    log.trajectory().unbuilt(1)

    found = rows(
        log,
        "SELECT outcome, build_outcome, build_reason, build_s, build_cached, text, verdict"
        " FROM turns JOIN texts ON digest = build_log",
    )

    expected = ("build_failed", "failed", "compiler_error", 2.5, False, "error: expected ';'", None)
    assert [expected] == found


def test_a_turn_without_code_has_a_completion_and_no_candidate():
    log = WrittenLog()
    log.start()
    log.trajectory().codeless(1)

    found = rows(
        log, "SELECT outcome, text, candidate, build_outcome FROM turns JOIN texts ON digest = completion"
    )

    assert found == [("no_code", "I can't.", None, None)]


def test_a_turn_under_way_is_there_and_not_ended():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.begin(1)
    trajectory.ask(1)

    assert rows(log, "SELECT turn, ended, outcome, feedback FROM turns") == [(1, False, None, None)]


def test_the_completed_attempt_counts_and_the_faulted_one_is_a_fault():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.begin(1)
    trajectory.fault_generation(1, attempt=1, retry_at_us=START_US)
    trajectory.generate(1, attempt=2, usd=0.5)

    generations = rows(log, "SELECT turn, slot, attempt, input_tokens, usd, asked, model FROM generations")
    faults = rows(log, "SELECT action, turn, attempt, fault, message, retry_at_us, input_tokens FROM faults")

    assert generations == [(1, 0, 2, 100, 0.5, "recorded/starter", "starter")]
    assert faults == [("generate", 1, 1, "model", "HTTP 500", START_US, 10)]


def test_a_prompt_is_that_of_the_completed_attempt_in_order_with_roles():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.begin(1)
    trajectory.fault_generation(1, attempt=1)
    trajectory.generate(1, attempt=2)

    found = rows(
        log, "SELECT message, role, part, text FROM prompts JOIN texts USING (digest) ORDER BY message, part"
    )

    expected = [
        (1, "system", 1, "You write kernels."),
        (2, "user", 1, "The problem."),
        (2, "user", 2, "Improve it."),
    ]
    assert expected == found


def test_a_lease_whose_end_nobody_saw_is_released_without_a_duration():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.begin(1)
    trajectory.fault_evaluation(1)
    trajectory.evaluate(1, passed(1.0))

    found = rows(log, "SELECT device, token, waited_s, held_s, released FROM leases ORDER BY token")

    assert found == [(GPU, 4, 0.25, 4.75, True), (GPU, 99, 0.25, None, True)]


def test_a_turn_built_and_evaluated_twice_shows_the_later_outcomes():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.begin(1)
    trajectory.generate(1)
    for log_text, evaluation in (("first", incorrect()), ("second", passed(1.0))):
        trajectory.build(1, log=log_text)
        trajectory.evaluate(1, evaluation)

    found = rows(log, "SELECT text, verdict FROM turns JOIN texts ON digest = build_log")

    assert found == [("second", "passed")]


def test_a_turn_with_several_slots_shows_the_first():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.begin(1)
    for slot in (0, 1):
        trajectory.slot = slot
        trajectory.generate(1, code=f"slot {slot}")
        trajectory.build(1, log=f"log {slot}")
        trajectory.evaluate(1, passed(1.0 + slot))

    turns = rows(
        log,
        "SELECT codes.text, logs.text, runtime_ms FROM turns"
        " JOIN texts AS codes ON codes.digest = candidate JOIN texts AS logs ON logs.digest = build_log",
    )
    slots = rows(log, "SELECT slot, runtime_ms FROM evaluations ORDER BY slot")

    assert turns == [("slot 0", "log 0", 1.0)]
    assert slots == [(0, 1.0), (1, 2.0)]


def test_a_problem_named_like_a_request_does_not_confuse_turns():
    log = WrittenLog()
    log.start(problems=[log.problem("a:7.0:build")])
    log.trajectory("a:7.0:build").judged(1, passed(1.0))

    assert rows(log, "SELECT problem, turn, speedup FROM turns") == [("a:7.0:build", 1, 2.0)]


def test_runs_are_kept_apart():
    log = WrittenLog()
    for run, name in (("A" * 26, "first"), ("B" * 26, "second")):
        log.start(run=run, name=name)
        log.trajectory(run=run).judged(1, passed(1.0 if name == "first" else 0.5))

    found = rows(log, "SELECT name, speedup FROM turns JOIN runs USING (run) ORDER BY name")

    assert found == [("first", 2.0), ("second", 4.0)]


def test_every_text_the_log_names_is_named_by_the_view():
    log = WrittenLog()
    log.start(resolved=spec())
    trajectory = log.trajectory()
    trajectory.unbuilt(1)
    trajectory.begin(2)
    trajectory.generate(2)
    trajectory.build(2, outcome=BuildOutcome.BUILT)
    trajectory.evaluate(2, failed(Verdict.CRASHED, reason="exit:1", detail="boom"), detail="boom")
    trajectory.end(2, "crashed")
    trajectory.judged(3, passed(1.0))

    named = {digest for (digest,) in rows(log, "SELECT digest FROM named_texts")}

    assert set(log.known) == named


positive = st.floats(min_value=5e-324, max_value=1e300, allow_nan=False)


@settings(max_examples=12, deadline=None)
@given(runtime=positive, mean=positive, usd=positive)
def test_floats_come_through_exactly(runtime, mean, usd):
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.begin(1)
    trajectory.generate(1, usd=usd)
    trajectory.evaluate(1, passed(runtime, mean_ms=mean))

    found = rows(log, "SELECT runtime_ms, mean_ms FROM turns")
    paid = rows(log, "SELECT usd FROM generations")

    assert [(runtime, mean)] == found
    assert [(usd,)] == paid


def test_the_time_on_a_device_is_split_and_waiting_is_no_part_of_it():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory("1")
    trajectory.judged(1, passed(1.0))

    found = rows(log, "SELECT turn, waited_s, held_s, setup_s, check_s, other_s FROM device_times")

    assert [(1, 0.25, 4.75, 1.0, None, 3.75)] == found


def test_further_baselines_and_kernelbench_count_as_timing():
    log = WrittenLog()
    log.start()
    spent = {"setup": 0.5, "timing": 0.25, "baselines": 2.0, "kernelbench": 1.0}
    judged = passed(1.0)
    booked = replace(judged, environment=replace(judged.environment, seconds=spent))
    log.trajectory("1").judged(1, booked)

    assert [(0.5, 3.25, 1.0)] == rows(log, "SELECT setup_s, timing_s, other_s FROM device_times")


def test_a_lease_whose_evaluation_was_a_fault_has_nothing_booked():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory("1")
    trajectory.begin(1)
    trajectory.append(
        LeaseGranted(trajectory.request(1, "evaluate"), GPU, 1, waited_s=0.5),
        LeaseReleased(trajectory.request(1, "evaluate"), GPU, 1, held_s=2.0),
    )
    trajectory.evaluate(1, passed(1.0))

    found = rows(log, "SELECT token, held_s, setup_s FROM device_times ORDER BY token")

    assert [(1, 2.0, None), (4, 4.75, 1.0)] == found


def test_an_evaluation_that_was_recalled_names_the_one_that_was_performed():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory("1")
    trajectory.judged(1, passed(1.0))
    request = trajectory.request(2, "evaluate")
    trajectory.append(EvaluationRecalled(request, 1, answered_by=trajectory.request(1, "evaluate")))

    found = rows(log, "SELECT turn, answered_by FROM recalls")

    assert [(2, trajectory.request(1, "evaluate"))] == found
