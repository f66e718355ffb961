"""Upstream's folders, rebuilt from the log."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_log import RUN, WrittenLog, failed, incorrect, passed, spec

from caesar.domain import BuildOutcome, Finding, Verdict
from caesar.errors import StoreError, UsageError
from caesar.reports.database import connect
from caesar.reports.log_json import export

GOLDEN = Path(__file__).parent / "golden"


def exported(log: WrittenLog, root: Path, *, run: str = RUN) -> tuple[Path, ...]:
    connection = log.connect()
    try:
        return export(connection, root=root, run=run)
    finally:
        connection.close()


def only(paths: tuple[Path, ...], name: str) -> dict:
    (path,) = (path for path in paths if path.name == name)
    return json.loads(path.read_text())


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def small_log() -> WrittenLog:
    """A failed build, a mismatch after a faulted generation, and a pass: one whole trajectory."""
    log = WrittenLog()
    log.start(problems=[log.problem("1", name="Square_matrix")], turns=3)
    trajectory = log.trajectory()
    trajectory.unbuilt(1)
    trajectory.begin(2)
    trajectory.fault_generation(2, attempt=1)
    trajectory.generate(2, attempt=2, code="class ModelNew: wrong")
    trajectory.build(2)
    trajectory.evaluate(2, incorrect())
    trajectory.end(2, "incorrect")
    trajectory.judged(3, passed(0.1, mean_ms=0.30000000000000004), code="class ModelNew: fast")
    trajectory.finish(3, "passed")
    return log


def unfinished_log() -> WrittenLog:
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.judged(1, passed(1.0))
    trajectory.begin(2)
    trajectory.fault_generation(2, retry_at_us=None)
    trajectory.suspend(2)
    return log


@pytest.mark.parametrize("name", ["log.json", "config.json"])
def test_a_small_trajectory_is_written_as_the_golden_files(tmp_path, name):
    exported(small_log(), tmp_path)

    folder = tmp_path / "papers" / "demo" / "problem_1" / "sample_0"
    assert (GOLDEN / name).read_bytes() == (folder / name).read_bytes()


def test_a_finished_trajectory_is_marked_done_by_an_empty_file(tmp_path):
    paths = exported(small_log(), tmp_path)

    folder = tmp_path / "papers" / "demo" / "problem_1" / "sample_0"
    assert (folder / "config.json", folder / "log.json", folder / "DONE") == paths
    assert (folder / "DONE").read_bytes() == b""


def test_deleting_the_folder_and_exporting_again_gives_the_same_bytes(tmp_path):
    exported(small_log(), tmp_path / "first")
    exported(small_log(), tmp_path / "second")

    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_a_file_that_already_says_so_is_not_written_again(tmp_path):
    paths = exported(small_log(), tmp_path)
    for path in paths:
        os.utime(path, ns=(1, 1))
    paths[1].write_text("{}")

    again = exported(small_log(), tmp_path)

    assert paths == again
    assert [paths[0].stat().st_mtime_ns, paths[2].stat().st_mtime_ns] == [1, 1]
    assert "result" in json.loads(paths[1].read_text())


def test_nothing_but_the_files_is_left_behind(tmp_path):
    paths = exported(small_log(), tmp_path)

    assert {path.name for path in paths} == {path.name for path in paths[0].parent.iterdir()}


def test_the_expressions_of_upstreams_readers_work(tmp_path):
    paths = exported(small_log(), tmp_path)
    log_json, config = only(paths, "log.json"), only(paths, "config.json")

    runtimes = [log_json[str(turn)]["eval_result"]["runtime"] for turn in range(1, config["max_k"] + 1)]

    assert runtimes == [-1, -1, 0.30000000000000004]
    assert all(isinstance(runtime, float) for runtime in runtimes)
    assert str(1) == str(log_json["metadata"]["problem_id"])
    assert str(0) == str(log_json["metadata"]["sample_id"])
    assert log_json["metadata"]["run_name"] == "demo"
    assert log_json["result"]["eval_result"]["compiled"]
    assert log_json["result"]["eval_result"]["correctness"]
    assert log_json["3"]["eval_result"] == log_json["result"]["eval_result"]
    assert [turn for turn in log_json if turn.isdigit()] == ["1", "2", "3"]
    assert config["dataset_name"] == "KernelBench/level1"
    assert config["level"] == 1


def test_an_unfinished_trajectory_has_its_ended_turns_and_neither_result_nor_done(tmp_path):
    paths = exported(unfinished_log(), tmp_path)

    assert [path.name for path in paths] == ["config.json", "log.json"]
    assert list(only(paths, "log.json")) == ["metadata", "1"]
    assert only(paths, "config.json")["max_k"] == 3


def test_findings_and_those_that_put_the_speedup_in_doubt_are_told_where_there_are_any(tmp_path):
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    found = Finding("cpu_shared", "others used 40%"), Finding("vacuous", "zeros would pass")
    trajectory.judged(1, replace(passed(1.0), findings=found))
    trajectory.judged(2, replace(passed(1.0), findings=found[:1]))
    trajectory.judged(3, passed(1.0))

    told = only(exported(log, tmp_path), "log.json")

    metadata = [told[str(turn)]["eval_result"]["metadata"] for turn in (1, 2, 3)]
    assert [["cpu_shared", "vacuous"], ["cpu_shared"], None] == [each.get("findings") for each in metadata]
    assert [["vacuous"], None, None] == [each.get("doubts") for each in metadata]


def test_done_is_taken_back_when_a_trajectory_goes_on(tmp_path):
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.judged(1, passed(1.0))
    trajectory.finish(1, "passed")
    (_, _, done) = exported(log, tmp_path)
    trajectory.extend(2)

    paths = exported(log, tmp_path)

    assert not done.exists()
    assert "result" not in only(paths, "log.json")


def test_a_trajectory_without_any_candidate_has_a_result_that_failed(tmp_path):
    log = WrittenLog()
    log.start(turns=1)
    trajectory = log.trajectory()
    trajectory.codeless(1)
    trajectory.finish(None)

    log_json = only(exported(log, tmp_path), "log.json")

    failed_result = {
        "compiled": False,
        "correctness": False,
        "metadata": {},
        "runtime": -1.0,
        "runtime_stats": {},
    }
    assert failed_result == log_json["result"]["eval_result"]
    assert log_json["result"]["kernel_code"] == ""
    assert log_json["1"]["eval_result"]["metadata"]["compilation_error_name"] == "no_code"


def test_a_trajectory_that_finished_early_claims_no_more_turns_than_it_took(tmp_path):
    log = WrittenLog()
    log.start(turns=8)
    trajectory = log.trajectory()
    trajectory.judged(1, passed(1.0))
    trajectory.finish(1, "passed")

    paths = exported(log, tmp_path)

    assert only(paths, "config.json")["max_k"] == 1
    assert only(paths, "log.json")["metadata"]["num_rounds"] == 8


def test_ten_turns_come_in_numeric_order(tmp_path):
    log = WrittenLog()
    log.start(turns=11)
    trajectory = log.trajectory()
    for turn in range(1, 12):
        trajectory.codeless(turn)
    trajectory.finish(None)

    keys = list(only(exported(log, tmp_path), "log.json"))

    assert ["metadata", *map(str, range(1, 12)), "result"] == keys


def one_turn(log: WrittenLog, tmp_path: Path) -> dict:
    return only(exported(log, tmp_path), "log.json")["1"]["eval_result"]


def test_a_crash_is_compiled_and_incorrect_and_tells_its_error(tmp_path):
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.begin(1)
    trajectory.generate(1)
    trajectory.build(1)
    trajectory.evaluate(
        1,
        failed(Verdict.CRASHED, reason="exception:IndexError", detail="IndexError: 7"),
        detail="IndexError: 7",
    )
    trajectory.end(1, "crashed")

    found = one_turn(log, tmp_path)

    expected = {
        "hardware": "Test GPU",
        "device": "GPU-1234",
        "isolation": "namespace",
        "trust": "high",
        "runtime_error_name": "IndexError",
        "runtime_error": "IndexError: 7",
    }
    assert (found["compiled"], found["correctness"]) == (True, False)
    assert expected == found["metadata"]


@pytest.mark.parametrize("detail", [None, ""])
def test_a_crash_that_left_no_text_tells_its_reason(tmp_path, detail):
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.begin(1)
    trajectory.evaluate(1, failed(Verdict.CRASHED, reason="signal:11", detail=detail), detail=detail)
    trajectory.end(1, "crashed")

    assert one_turn(log, tmp_path)["metadata"]["runtime_error"] == "signal:11"


@pytest.mark.parametrize(
    ("verdict", "key"), [(Verdict.TIMED_OUT, "timeout_error"), (Verdict.REJECTED, "rejected")]
)
def test_other_verdicts_tell_their_reason(tmp_path, verdict, key):
    log = WrittenLog()
    log.start()
    log.trajectory().judged(1, failed(verdict, reason="why"))

    assert one_turn(log, tmp_path)["metadata"][key] == "why"


def test_a_build_that_timed_out_did_not_compile(tmp_path):
    log = WrittenLog()
    log.start()
    trajectory = log.trajectory()
    trajectory.begin(1)
    trajectory.generate(1)
    trajectory.build(1, outcome=BuildOutcome.TIMED_OUT, reason="time_limit")
    trajectory.end(1, "build_timed_out")

    found = one_turn(log, tmp_path)

    assert not found["compiled"]
    assert found["metadata"] == dict.fromkeys(
        ("compilation_error_name", "compilation_error", "timeout_error"), "time_limit"
    )


@pytest.mark.parametrize(
    ("show", "strategy"), [(["candidate"], ["reflection"]), (["candidate", "runtime"], ["eval_result"])]
)
def test_the_context_strategy_follows_from_the_feedback_shown(tmp_path, show, strategy):
    log = WrittenLog()
    log.start(resolved=spec(context={"history": "all", "show": show}))
    log.trajectory()

    config = only(exported(log, tmp_path), "config.json")

    assert strategy == config["context_strategy"]
    assert config["use_last_only"] is False


def test_an_export_writes_the_named_run_only(tmp_path):
    log = WrittenLog()
    for run, name in (("A" * 26, "first"), ("B" * 26, "second")):
        log.start(run=run, name=name)
        log.trajectory(run=run)

    exported(log, tmp_path, run="second")

    assert [path.name for path in (tmp_path / "papers").iterdir()] == ["second"]


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("../../etc", "..%2F..%2Fetc"),
        ("..", "%2E%2E"),
        ("a[model.name=x/y]", "a[model.name=x%2Fy]"),
        ("100%", "100%25"),
        ("nul\0", "nul%00"),
        ("'; DROP TABLE events; --", "'; DROP TABLE events; --"),
        ('quote"d\nname', 'quote"d\nname'),
    ],
)
def test_a_name_that_is_no_folder_stays_one_folder_under_the_root(tmp_path, name, folder):
    log = WrittenLog()
    log.start(name=name, group=name)
    log.trajectory()

    paths = exported(log, tmp_path, run=name)

    assert all(path.parents[2] == tmp_path / folder / folder for path in paths)
    assert folder == only(paths, "log.json")["metadata"]["run_name"]


def test_a_run_without_a_group_is_put_under_ungrouped(tmp_path):
    log = WrittenLog()
    log.start(group="")
    log.trajectory()

    paths = exported(log, tmp_path)

    assert all(path.is_relative_to(tmp_path / "ungrouped" / "demo") for path in paths)


def test_a_name_too_long_for_a_folder_is_refused_in_a_sentence(tmp_path):
    log = WrittenLog()
    log.start(name="n" * 300)
    log.trajectory()

    with pytest.raises(UsageError, match=r"can't write .*File name too long"):
        exported(log, tmp_path)


def test_a_run_without_a_name_is_refused_in_a_sentence(tmp_path):
    log = WrittenLog()
    log.start(name="")
    log.trajectory()

    with pytest.raises(UsageError, match="can't be a folder's name"):
        exported(log, tmp_path)


def test_an_unknown_run_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(UsageError, match="no run 'nope'"):
        exported(small_log(), tmp_path, run="nope")


def test_a_missing_text_is_an_error_and_not_an_empty_string(tmp_path):
    log = small_log()
    log.known = {digest: text for digest, text in log.known.items() if text != "class ModelNew: fast"}

    with pytest.raises(StoreError, match="1 texts"):
        exported(log, tmp_path)

    assert not list(tmp_path.iterdir())


def test_an_export_without_texts_is_an_error(tmp_path):
    connection = connect(small_log().events)

    with pytest.raises(StoreError, match="not loaded"):
        export(connection, root=tmp_path, run=RUN)


@settings(max_examples=12, deadline=None)
@given(code=st.text(st.characters(exclude_categories=["Cs"])).filter(bool), runtime=st.floats(1e-9, 1e9))
def test_any_text_and_any_time_come_through_unchanged(tmp_path_factory, code, runtime):
    log = WrittenLog()
    log.start()
    log.trajectory().judged(1, passed(1.0, mean_ms=runtime), code=code)

    turn = only(exported(log, tmp_path_factory.mktemp("export")), "log.json")["1"]

    assert code == turn["kernel_code"]
    assert runtime == turn["eval_result"]["runtime"] == turn["eval_result"]["runtime_stats"]["mean"]
