"""The shipped queries, hand-computed, and a user's own."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from written_log import RUN, WrittenLog, failed, incorrect, passed

from caesar.domain import Evaluation, Finding, Verdict
from caesar.errors import StoreError, UsageError
from caesar.events import canonical
from caesar.reports.analysis import query_names, query_text, views_text
from caesar.reports.database import connect
from caesar.reports.query import Table, run_query, sql


def ran(log: WrittenLog, name: str) -> Table:
    connection = connect(log.events)
    try:
        return run_query(connection, name)
    finally:
        connection.close()


def asked(text: str) -> Table:
    connection = two_problems().connect()
    try:
        return sql(connection, text)
    finally:
        connection.close()


def two_problems() -> WrittenLog:
    """Problem 1 gets 1.0x in turn 1 and 4.0x in turn 2; 2 passes in turn 2 at 0.5x; 3 never passes."""
    log = WrittenLog()
    log.start(problems=[log.problem(each, name=f"P{each}") for each in "123"])
    first = log.trajectory("1")
    first.judged(1, passed(2.0))
    first.judged(2, passed(0.5))
    first.finish(2, "passed")
    second = log.trajectory("2")
    second.judged(1, incorrect())
    second.judged(2, passed(4.0))
    second.finish(2, "passed")
    third = log.trajectory("3")
    third.unbuilt(1)
    third.judged(2, failed(Verdict.CRASHED, reason="exit:1"))
    third.finish(2, "crashed")
    return log


def shares(log: WrittenLog) -> dict[tuple[int, float], float]:
    return {(row["turn"], row["p"]): row["fast_p"] for row in ran(log, "fast_p").records()}


def test_fast_p_is_the_share_of_problems_above_the_threshold_by_turn():
    third, two_thirds = pytest.approx(1 / 3), pytest.approx(2 / 3)

    found = shares(two_problems())

    first = {0.0: third, 0.5: third, 0.8: third, 1.0: 0.0, 1.5: 0.0, 2.0: 0.0}
    second = {0.0: two_thirds, 0.5: third, 0.8: third, 1.0: third, 1.5: third, 2.0: third}
    expected = {(turn, p): share for turn, by_p in ((1, first), (2, second)) for p, share in by_p.items()}
    assert expected == found


def test_samples_are_averaged_within_their_problem_before_problems_are():
    log = WrittenLog()
    log.start(problems=[log.problem("1"), log.problem("2")], samples=2)
    log.trajectory("1", 0).judged(1, passed(1.0))
    log.trajectory("1", 1).judged(1, incorrect())
    log.trajectory("2", 0).judged(1, passed(1.0))

    found = ran(log, "fast_p").records()[0]

    assert (found["fast_p"], found["problems"], found["trajectories"], found["planned"]) == (0.75, 2, 3, 4)


def test_a_trajectory_that_finished_early_keeps_its_best_in_later_turns():
    log = WrittenLog()
    log.start(problems=[log.problem("1"), log.problem("2")])
    early = log.trajectory("1")
    early.judged(1, passed(1.0))
    early.finish(1, "passed")
    late = log.trajectory("2")
    late.judged(1, incorrect())
    late.judged(2, incorrect())
    late.finish(2, "incorrect")

    assert [shares(log)[turn, 1.0] for turn in (1, 2)] == [0.5, 0.5]


def test_a_suspended_trajectory_is_left_out_of_turns_it_did_not_reach():
    log = two_problems()
    log.extend(problems=[log.problem(each) for each in "1234"])
    fourth = log.trajectory("4")
    fourth.judged(1, passed(1.0))
    fourth.begin(2)
    fourth.fault_generation(2, retry_at_us=None)
    fourth.suspend(2)

    found = {(row["turn"], row["p"]): row for row in ran(log, "fast_p").records()}

    assert tuple(found[1, 0.0][key] for key in ("fast_p", "trajectories", "planned")) == (0.5, 4, 4)
    assert tuple(found[2, 0.0][key] for key in ("trajectories", "planned")) == (3, 4)
    assert found[2, 0.0]["fast_p"] == pytest.approx(2 / 3)


def test_passing_without_a_baseline_counts_at_zero_only():
    log = WrittenLog()
    log.start()
    log.trajectory().judged(1, passed(1.0, baseline_ms=None))

    found = shares(log)

    assert (found[1, 0.0], found[1, 0.5]) == (1.0, 0.0)


def test_speedups_tell_the_best_candidate_and_when_it_came():
    rows = ran(two_problems(), "speedup").records()

    keys = ("problem", "best_speedup", "best_runtime_ms", "baseline_ms", "best_turn", "first_pass_turn")
    expected = [("1", 4.0, 0.5, 2.0, 2, 1), ("2", 0.5, 4.0, 2.0, 2, 2), ("3", None, None, None, None, None)]
    assert expected == [tuple(row[key] for key in keys) for row in rows]
    assert [row["outcomes"] for row in rows] == [
        (("passed", "passed"),),
        (("incorrect", "passed"),),
        (("build_failed", "crashed"),),
    ]


def test_without_baselines_the_best_candidate_is_the_fastest():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    for turn, runtime_ms in ((1, 2.0), (2, 1.0), (3, 3.0)):
        trajectory.judged(turn, passed(runtime_ms, baseline_ms=None))

    row = ran(log, "speedup").records()[0]

    assert (row["best_turn"], row["best_runtime_ms"], row["best_speedup"]) == (2, 1.0, None)


def test_the_geometric_mean_is_over_the_problems_that_passed():
    row = ran(two_problems(), "speedup").records()[2]

    assert row["geomean_speedup"] == pytest.approx(math.sqrt(4.0 * 0.5))
    assert row["solved"] == 2


def doubted(evaluation: Evaluation, kind: str) -> Evaluation:
    return replace(evaluation, findings=(Finding("torch_fallback", "some"), Finding(kind, "of doubt")))


def test_a_doubted_candidate_counts_in_fast_p_and_not_in_its_undoubted_share():
    log = WrittenLog()
    log.start(problems=[log.problem("1"), log.problem("2")])
    log.trajectory("1").judged(1, doubted(passed(1.0), "faster_than_roofline"))
    log.trajectory("2").judged(1, passed(1.5))

    found = {row["p"]: row for row in ran(log, "fast_p").records()}

    keys = ("fast_p", "fast_p_undoubted", "doubted")
    assert (1.0, 0.5, 1) == tuple(found[1.0][key] for key in keys)
    assert (0.5, 0.0, 1) == tuple(found[1.5][key] for key in keys)
    assert (0.0, 0.0, 0) == tuple(found[2.0][key] for key in keys)


def test_without_its_doubted_candidates_a_problem_has_the_best_of_the_others():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.judged(1, replace(passed(1.0), speedup_interval=(1.9, 2.1)))
    trajectory.judged(2, doubted(passed(0.5), "reference_disturbed"))

    row = ran(log, "speedup").records()[0]

    expected = {
        "best_speedup": 4.0, "best_low": None, "best_high": None, "best_turn": 2,
        "best_findings": ("torch_fallback", "reference_disturbed"), "best_doubts": ("reference_disturbed",),
        "best_isolation": "namespace", "best_trust": "high", "undoubted_speedup": 2.0,
        "solved": 1, "doubted": 1, "geomean_undoubted": 2.0, "solved_undoubted": 1,
    }  # fmt: skip
    assert expected == {key: row[key] for key in expected}


def test_findings_are_counted_by_kind_over_evaluations_and_trajectories():
    log = WrittenLog()
    log.start(problems=[log.problem("1"), log.problem("2")])
    first = log.trajectory("1")
    first.judged(1, doubted(passed(1.0), "tampered"))
    first.judged(2, replace(incorrect(), findings=(Finding("tampered", "again"),)))
    log.trajectory("2").judged(1, passed(1.0))

    found = ran(log, "findings").records()

    keys = ("finding", "in_doubt", "evaluations", "passed", "trajectories")
    expected = [("tampered", True, 2, 1, 1), ("torch_fallback", False, 1, 1, 1)]
    assert expected == [tuple(row[key] for key in keys) for row in found]


def test_trust_is_counted_over_evaluations_and_not_over_turns_without_one():
    log = two_problems()

    (found,) = ran(log, "trust").records()

    keys = ("isolation", "trust", "evaluations", "passed", "trajectories")
    assert ("namespace", "high", 5, 3, 3) == tuple(found[key] for key in keys)


def test_a_turn_under_way_counts_nowhere():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.begin(1)
    trajectory.generate(1)
    trajectory.build(1)
    trajectory.evaluate(1, passed(1.0))

    assert ran(log, "fast_p").rows == ()
    assert ran(log, "speedup").records()[0]["best_speedup"] is None
    assert ran(log, "summary").records()[0]["turns"] == 0


def test_the_summary_adds_up_a_run():
    log = WrittenLog()
    log.start(problems=[log.problem(each) for each in "12345"])
    done = log.trajectory("1")
    done.judged(1, passed(1.0))
    done.codeless(2)
    done.finish(1, "passed")
    log.trajectory("2").unbuilt(1)
    stuck = log.trajectory("3")
    stuck.begin(1)
    stuck.fault_generation(1, retry_at_us=None)
    stuck.suspend(1)

    found = ran(log, "summary").records()[0]

    expected = {
        "models": ("recorded/starter",), "devices": ("Test GPU",), "problems": 5, "samples": 1, "planned": 5,
        "finished": 1, "suspended": 1, "running": 1, "pending": 2, "turns": 3, "passed": 1, "no_code": 1,
        "build_failed": 1, "incorrect": 0, "faults": 1, "input_tokens": 310, "output_tokens": 60, "usd": None,
        "device_s": 4.75, "seconds_s": float(len(log.envelopes) - 1),
    }  # fmt: skip
    assert expected == {key: found[key] for key in expected}


def test_dollars_are_added_where_they_are_known():
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    for turn, usd in ((1, 0.1), (2, None), (3, 0.2)):
        trajectory.begin(turn)
        trajectory.generate(turn, usd=usd)

    assert ran(log, "summary").records()[0]["usd"] == pytest.approx(0.3)


def test_an_empty_log_gives_empty_tables():
    log = WrittenLog()

    assert [()] * len(query_names()) == [ran(log, name).rows for name in query_names()]


@pytest.mark.parametrize("name", query_names())
def test_a_query_states_its_question_its_grain_and_its_units(name):
    header = [line for line in query_text(name).splitlines() if line.startswith("-- ")][:4]

    assert [
        prefix
        for prefix in ("-- Question:", "-- Grain:", "-- Units:")
        if any(line.startswith(prefix) for line in header)
    ] == ["-- Question:", "-- Grain:", "-- Units:"]


@pytest.mark.parametrize("name", query_names())
def test_only_the_views_know_where_things_lie_in_the_json(name):
    lines = [line for line in query_text(name).splitlines() if not line.lstrip().startswith("--")]

    assert not [line for line in lines if any(sign in line for sign in ("->", "from_json", "'$", "body"))]


def test_the_views_are_not_a_query():
    assert "00_views" not in query_names()
    assert "CREATE VIEW turns" in views_text()


@pytest.mark.parametrize("name", ["nope", "../pyproject", "00_views", ""])
def test_an_unknown_query_is_refused_with_those_there_are(name):
    with pytest.raises(
        UsageError,
        match=rf"there are {', '.join(query_names())}$",
    ):
        query_text(name)


def test_a_users_select_gets_columns_and_rows():
    found = asked("SELECT turn, outcome FROM turns WHERE problem = '2' ORDER BY turn -- a comment;")

    assert Table(("turn", "outcome"), ((1, "incorrect"), (2, "passed"))) == found


@pytest.mark.parametrize(
    "text", ["DESCRIBE turns", "SHOW TABLES", "FROM runs", "VALUES (1)", "SUMMARIZE turns"]
)
def test_a_user_can_look_around(text):
    assert asked(text).rows


def test_lists_and_structs_come_as_plain_values():
    found = asked("SELECT [1, 2] AS items, {'a': [3]} AS entry")

    assert found.rows[0] == ((1, 2), {"a": (3,)})


@pytest.mark.parametrize(
    "text",
    [
        "", "-- nothing", "SELECT 1; SELECT 2", "DROP TABLE events", "INSERT INTO texts VALUES ('a', 'b')",
        "CREATE TABLE t (a INT)", "SET threads = 4", "COPY events TO 'out.csv'", "ATTACH 'x.db'",
        "INSTALL httpfs", "EXPLAIN ANALYZE DELETE FROM events", "PRAGMA version",
        "CONNECT", "DISCONNECT",
    ],
)  # fmt: skip
def test_anything_but_one_select_is_refused(text):
    with pytest.raises(UsageError, match="takes one SELECT statement"):
        asked(text)


@pytest.mark.parametrize(
    "source",
    [
        "read_csv('/etc/passwd')",
        "read_text('/etc/passwd')",
        "'/etc/passwd'",
        "glob('/etc/*')",
        "sqlite_scan('a', 'b')",
    ],
)
def test_a_query_reads_the_log_and_no_file(source):
    with pytest.raises(UsageError, match="the query can't be run: "):
        asked(f"SELECT * FROM {source}")


def test_a_query_sees_none_of_the_programs_variables():
    incoming = {"a": [1]}

    with pytest.raises(UsageError, match="incoming does not exist"):
        asked("SELECT * FROM incoming")
    assert incoming


@settings(max_examples=50, deadline=None)
@example("SELECT 1 +")
@example("SELECT \0")
@example("\x85")
@given(text=st.text())
def test_whatever_is_asked_the_answer_is_a_table_or_one_sentence(open_log, text):
    said = "a table"
    try:
        sql(open_log, text)
    except UsageError as error:
        said = str(error)

    assert said.splitlines() == [said]


@pytest.fixture(scope="module")
def open_log():
    connection = two_problems().connect()
    yield connection
    connection.close()


def test_loading_closes_the_door_for_good():
    connection = two_problems().connect()

    settings_found = connection.execute(
        "SELECT current_setting('enable_external_access'), current_setting('lock_configuration'),"
        " current_setting('threads')"
    ).fetchall()

    assert settings_found == [(False, True, 1)]


def test_a_log_from_a_newer_program_is_refused():
    log = two_problems()
    envelope = log.envelopes[0]
    log.envelopes[0] = type(envelope)(
        0, RUN, 1, "run_started", 3, 0, envelope.body, envelope.previous, "d" * 64
    )

    with pytest.raises(StoreError, match="run_started version 3 is newer"):
        log.connect()


def test_an_unknown_kind_of_event_is_refused():
    log = two_problems()
    envelope = log.envelopes[0]
    log.envelopes.append(type(envelope)(0, RUN, 9, "dreamt", 1, 0, canonical({}), envelope.digest, "d" * 64))

    with pytest.raises(StoreError, match="dreamt version 1 is newer"):
        log.connect()


def test_an_event_that_is_not_json_is_a_damaged_log():
    log = two_problems()
    envelope = log.envelopes[0]
    log.envelopes[0] = type(envelope)(0, RUN, 1, "run_started", 1, 0, b"{oops", envelope.previous, "d" * 64)

    with pytest.raises(StoreError, match="events can't be read"):
        log.connect()
    with pytest.raises(StoreError, match=r"analysis/summary\.sql can't be run"):
        ran(log, "summary")


def test_a_duckdb_that_cannot_be_loaded_is_named_in_a_sentence(monkeypatch, tmp_path):
    (tmp_path / "duckdb.py").write_text("raise ImportError('GLIBC_2.38 not found', name='duckdb')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "duckdb", raising=False)

    with pytest.raises(UsageError, match="duckdb, which is not installed here or can't be loaded"):
        connect(two_problems().events)


def test_without_duckdb_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)

    with pytest.raises(UsageError, match="install duckdb pyarrow"):
        connect(two_problems().events)
