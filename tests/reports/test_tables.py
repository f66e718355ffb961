"""What `caesar report` shows."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from written_log import ENVIRONMENT, GPU, RUN, WrittenLog, incorrect, passed

from caesar.domain import Finding, KernelBenchResult, Trust
from caesar.events import CandidateRescored
from caesar.reports.database import connect
from caesar.reports.query import run_query
from caesar.reports.report import QUERIES, Report, document, report
from caesar.reports.sheet import Form, Sheet, cell
from caesar.reports.tables import sheets


def reported(log: WrittenLog) -> Report:
    connection = connect(log.events)
    try:
        return report({name: run_query(connection, name) for name in QUERIES})
    finally:
        connection.close()


def one_run(*, samples: int = 1) -> WrittenLog:
    log = WrittenLog()
    log.start(problems=[log.problem("1", name="Square")], samples=samples)
    trajectory = log.trajectory()
    trajectory.judged(1, incorrect())
    trajectory.judged(2, passed(0.5))
    trajectory.finish(2, "passed")
    log.end_run(finished=1)
    return log


def sheet_of(log: WrittenLog, title: str) -> Sheet:
    return next(sheet for sheet in sheets(reported(log)) if sheet.title.startswith(title))


def one_vacuous() -> WrittenLog:
    """Problem 1 passes idly at 100x, problem 2 at 2x; others disturbed the latter."""
    log = WrittenLog()
    log.start(problems=[log.problem("1", name="Zero"), log.problem("2", name="Square")], provenance=None)
    idle = replace(
        passed(0.02), findings=(Finding("vacuous", "zeros would pass"),), speedup_interval=(90.0, 110.0)
    )
    log.trajectory("1").judged(1, idle)
    log.trajectory("2").judged(1, replace(passed(1.0), findings=(Finding("cpu_shared", "others used 40%"),)))
    return log


def test_the_notes_say_how_replayed_completions_were_made():
    notes = reported(one_run()).notes

    assert ("run demo: completions were replayed, not asked of a model: made by hand",) == notes


def test_a_models_live_answers_need_no_note():
    log = WrittenLog()
    log.start(provenance=None)
    log.trajectory().finish(None)

    assert () == reported(log).notes


def test_evaluations_on_unlike_devices_are_named_in_the_notes():
    log = one_run()
    log.extend(problems=[log.problem("1"), log.problem("2")])
    other = replace(passed(1.0), environment=replace(ENVIRONMENT, device_name="Another GPU"))
    second = log.trajectory("2")
    second.judged(1, other)
    second.finish(1, "passed")

    assert "run demo: evaluations ran on unlike devices (Another GPU, Test GPU)" in reported(log).notes


def test_timings_that_others_disturbed_are_counted_in_the_notes():
    log = one_run()
    log.extend(problems=[log.problem("1"), log.problem("2")])
    disturbed = replace(passed(1.0), findings=(Finding("cpu_shared", "others used 40%"),))
    second = log.trajectory("2")
    second.judged(1, disturbed)
    second.finish(1, "passed")

    told = [note for note in reported(log).notes if "other processes" in note]

    assert [
        "run demo: 1 of 2 timings were taken while other processes used the CPU, which distorts them"
    ] == told


def test_unfinished_trajectories_are_named_in_the_notes():
    notes = reported(one_run(samples=3)).notes

    assert "run demo: 2 of 3 trajectories are not finished; figures may change" in notes


def test_the_fast_p_sheet_has_a_column_per_threshold_and_a_row_per_turn():
    sheet = sheets(reported(one_run()))[1]

    titles = [column.title for column in sheet.columns]
    expected = [
        "run",
        "turns",
        "fast_0",
        "fast_0.5",
        "fast_0.8",
        "fast_1",
        "fast_1.5",
        "fast_2",
        "trajectories",
    ]
    assert expected == titles
    assert sheet.cells[0] == ("demo", "1", "0.0%", "0.0%", "0.0%", "0.0%", "0.0%", "0.0%", "1/1")
    assert ("demo", "2", *("100.0%",) * 6, "1/1") == sheet.cells[1]


def test_the_speedup_sheet_ends_with_the_runs_geometric_mean():
    sheet = sheets(reported(one_run()))[2]

    expected = ("demo", "1 Square", "4.00x", "-", "0.5000", "2.0000", "2", "2", "-", "incorrect passed")
    assert expected == sheet.cells[0]
    assert ("demo", "geometric mean of 1", "4.00x", *("-",) * 7) == sheet.cells[1]


def test_a_speedup_stands_beside_its_interval_and_what_was_noticed():
    sheet = sheet_of(one_vacuous(), "best candidate")

    shown = [(row[0], *row[1:4], row[8]) for row in sheet.cells]
    assert [
        ("demo", "1 Zero", "100.00x", "[90.00x, 110.00x]", "!vacuous"),
        ("demo", "2 Square", "2.00x", "-", "cpu_shared"),
        ("demo", "geometric mean of 2", "14.14x", "-", "-"),
        ("demo, undoubted", "geometric mean of 1", "2.00x", "-", "-"),
    ] == shown


def test_fast_p_has_a_row_without_doubted_candidates_where_they_make_a_difference():
    sheet = sheet_of(one_vacuous(), "fast_p")

    assert [
        ("demo", "1", *("100.0%",) * 5, "50.0%", "2/2"),
        ("demo, undoubted", "1", *("50.0%",) * 5, "0.0%", "1 in doubt"),
    ] == list(sheet.cells)


def test_the_notes_say_how_many_speedups_are_in_doubt_and_why():
    told = [note for note in reported(one_vacuous()).notes if "doubt" in note]

    assert [
        "run demo: 1 of 2 best speedups in doubt (vacuous 1); rows named undoubted are without such candidates"
    ] == told


def test_findings_are_counted_and_those_that_put_a_speedup_in_doubt_are_marked():
    sheet = sheet_of(one_vacuous(), "findings")

    assert [("demo", "cpu_shared", "1", "1", "1"), ("demo", "!vacuous", "1", "1", "1")] == list(sheet.cells)


def test_results_are_counted_by_tier_and_trust():
    log = one_run()
    low = replace(ENVIRONMENT, isolation="process", trust=Trust.LOW)
    log.extend(problems=[log.problem("1"), log.problem("2")])
    log.trajectory("2").judged(1, replace(passed(1.0), environment=low))

    sheet = sheet_of(log, "trust")

    expected = [("demo", "namespace", "high", "2", "1", "1"), ("demo", "process", "low", "1", "1", "1")]
    assert expected == list(sheet.cells)


def test_the_summary_sheet_says_what_a_run_came_to():
    sheet = sheets(reported(one_run()))[0]

    expected = (
        "demo", "finished", "recorded/starter", "Test GPU", "1/1", "2", "1", "0", "240", "-", "9.5",
    )  # fmt: skip
    assert (expected,) == sheet.cells


def test_the_document_holds_exact_values_by_run_and_is_json():
    found = document(reported(one_run()))

    (run,) = json.loads(json.dumps(found))["runs"]
    assert run["name"] == "demo"
    assert run["usd"] is None
    assert run["problems"][0]["best_speedup"] == 4.0
    assert run["problems"][0]["outcomes"] == [["incorrect", "passed"]]
    keys = {"turn", "p", "fast_p", "fast_p_undoubted", "problems", "trajectories", "doubted", "planned"}
    assert keys == run["fast_p"][0].keys()
    assert found["notes"] == list(reported(one_run()).notes)


def test_the_document_tells_of_findings_and_trust_by_run():
    (run,) = document(reported(one_vacuous()))["runs"]

    assert {"finding": "vacuous", "in_doubt": True, "evaluations": 1, "passed": 1, "trajectories": 1} in run[
        "findings"
    ]
    (trust,) = run["trust"]
    assert {
        "isolation": "namespace",
        "trust": "high",
        "evaluations": 2,
        "passed": 2,
        "trajectories": 2,
    } == trust
    assert (("vacuous",), None) == tuple(
        run["problems"][0][key] for key in ("best_doubts", "undoubted_speedup")
    )


def rescored(log, *, correct=True, runtime_ms=0.5):
    said = KernelBenchResult(
        "kernelbench-1",
        compiled=True,
        correct=correct,
        runtime_ms=runtime_ms if correct else None,
        reference_ms=2.0,
        reason=None if correct else "values",
    )
    log.append(
        RUN,
        CandidateRescored(f"{RUN}/1/0", 2, "c" * 64, "passed", 0.5, 4.0, GPU, "Test GPU", said, seconds=1.0),
    )


def test_without_kernelbenchs_judgement_there_is_no_sheet_of_it():
    shown = reported(one_run())

    assert not [sheet for sheet in sheets(shown) if "KernelBench" in sheet.title]
    assert document(shown)["runs"][0]["kernelbench"] is None


def test_agreement_with_kernelbench_is_counted_once_a_candidate_by_the_newest_word():
    log = one_run()
    rescored(log, correct=False)
    rescored(log, runtime_ms=0.49)

    shown = reported(log)

    (found,) = shown.kernelbench.records()
    assert (1, 1, 0, 0, 1, 1) == tuple(
        found[name] for name in ("compared", "agreed", "only_ours", "only_kernelbench", "timed", "within_3")
    )
    assert pytest.approx(0.5 / 0.49) == found["time_ratio"]
    assert "agreement with KernelBench's own evaluator" == sheets(shown)[-1].title


def test_a_candidate_that_only_ours_passed_is_told_apart():
    log = one_run()
    rescored(log, correct=False)

    (found,) = reported(log).kernelbench.records()

    assert (0, 1, 0, None) == tuple(found[name] for name in ("agreed", "only_ours", "timed", "time_ratio"))


def test_kernelbenchs_word_beside_an_evaluation_counts_as_well():
    log = WrittenLog()
    log.start()
    beside = KernelBenchResult("kernelbench-1", compiled=True, correct=True, runtime_ms=0.5, reference_ms=2.0)
    log.trajectory().judged(1, replace(passed(0.5), kernelbench=beside))

    (found,) = reported(log).kernelbench.records()

    assert (1, 1) == (found["compared"], found["agreed"])


def test_rescoring_does_not_set_a_finished_run_going_again():
    log = one_run()
    rescored(log)

    assert "finished" == reported(log).summary.records()[0]["state"]


def test_a_report_over_no_runs_is_empty():
    shown = reported(WrittenLog())

    assert [sheet.rows for sheet in sheets(shown)] == [(), (), ()]
    assert document(shown) == {"runs": [], "paired": [], "notes": []}


@pytest.mark.parametrize("form", Form)
def test_an_absent_value_is_a_dash_in_every_form(form):
    assert cell(None, form=form) == "-"


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (1234, Form.COUNT, "1,234"),
        (0.5, Form.SHARE, "50.0%"),
        (1.005, Form.SPEEDUP, "1.00x"),
        (0.00512, Form.MILLISECONDS, "0.0051"),
        (3.14159, Form.SECONDS, "3.1"),
        (0.1, Form.USD, "0.1000"),
        ("x", Form.TEXT, "x"),
    ],
)
def test_a_cell_is_rounded_to_what_can_be_read(value, form, text):
    assert text == cell(value, form=form)
