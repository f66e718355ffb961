"""Baselines that outlive their lease, and KernelBench's tables."""

import json
from dataclasses import replace

import pytest

from caesar.effects import BaselineKind, CompileMode, EvaluationSettings, Tf32
from caesar.errors import Fault
from caesar.evaluators.baselines import (
    BaselineCache,
    BaselineKey,
    Conditions,
    ForeignBaseline,
    Measurement,
    drifted,
    foreign_baselines,
    keys_for,
)

CONDITIONS = Conditions("NVIDIA H100", "580.1", "2.11.0", "13.0", "fp32", "2")
KEY = BaselineKey("a" * 64, CONDITIONS, "eager", tf32=False)
COMPILED = BaselineKey("a" * 64, CONDITIONS, "compile:default", tf32=False)


def measured(key, *times):
    return Measurement(key.name, times)


def timing(*times):
    return Measurement("eager", times).baseline.timing


def test_what_was_kept_is_found_again_with_all_its_samples(tmp_path):
    cache = BaselineCache(tmp_path / "made" / "when needed")

    cache.put(KEY, measured(KEY, 1.0, 3.0, 2.0))

    assert measured(KEY, 1.0, 3.0, 2.0) == cache.get(KEY)
    assert 2.0 == cache.get(KEY).baseline.timing.median_ms


@pytest.mark.parametrize(
    "other",
    [
        BaselineKey("b" * 64, CONDITIONS, "eager", tf32=False),
        BaselineKey("a" * 64, CONDITIONS, "eager", tf32=True),
        COMPILED,
        BaselineKey(
            "a" * 64, Conditions("NVIDIA H200", "580.1", "2.11.0", "13.0", "fp32", "2"), "eager", tf32=False
        ),
        BaselineKey(
            "a" * 64, Conditions("NVIDIA H100", "580.2", "2.11.0", "13.0", "fp32", "2"), "eager", tf32=False
        ),
        BaselineKey(
            "a" * 64, Conditions("NVIDIA H100", "580.1", "2.12.0", "13.0", "fp32", "2"), "eager", tf32=False
        ),
        BaselineKey(
            "a" * 64, Conditions("NVIDIA H100", "580.1", "2.11.0", "12.8", "fp32", "2"), "eager", tf32=False
        ),
        BaselineKey(
            "a" * 64, Conditions("NVIDIA H100", "580.1", "2.11.0", "13.0", "bf16", "2"), "eager", tf32=False
        ),
        BaselineKey(
            "a" * 64, Conditions("NVIDIA H100", "580.1", "2.11.0", "13.0", "fp32", "3"), "eager", tf32=False
        ),
    ],
)
def test_another_condition_is_another_baseline(tmp_path, other):
    cache = BaselineCache(tmp_path)
    cache.put(KEY, measured(KEY, 1.0))

    assert cache.get(other) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": 1, "samples_ms": [1.0]}', "\udcff"])
def test_a_damaged_file_counts_as_absent(tmp_path, text):
    cache = BaselineCache(tmp_path)
    cache.put(KEY, measured(KEY, 1.0))
    (file,) = tmp_path.iterdir()

    file.write_bytes(text.encode("utf-8", "surrogateescape"))

    assert cache.get(KEY) is None


def test_a_file_under_another_keys_name_counts_as_absent(tmp_path):
    cache = BaselineCache(tmp_path)
    cache.put(COMPILED, measured(COMPILED, 1.0))
    (file,) = tmp_path.iterdir()

    file.rename(tmp_path / f"{KEY.digest}.json")

    assert cache.get(KEY) is None


def test_files_are_sorted_json_and_nothing_else_is_left(tmp_path):
    BaselineCache(tmp_path).put(KEY, measured(KEY, 1.0))

    (file,) = tmp_path.iterdir()
    stored = json.loads(file.read_text())
    assert sorted(stored) == list(stored)
    assert sorted(stored["key"]) == list(stored["key"])


def test_a_folder_that_cannot_be_written_is_a_fault_that_says_what_to_set(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(Fault, match="CAESAR_CACHE"):
        BaselineCache(tmp_path / "file").put(KEY, measured(KEY, 1.0))


def test_a_small_difference_is_no_drift_and_a_large_one_is():
    assert not drifted(timing(1.0), timing(1.04))
    assert drifted(timing(1.0), timing(1.06))
    assert drifted(timing(1.0), timing(0.94))


def test_a_fresh_eager_time_that_contradicts_the_cached_one_empties_the_problems_cache(tmp_path):
    cache = BaselineCache(tmp_path)
    cache.put(KEY, measured(KEY, 1.0))
    cache.put(COMPILED, measured(COMPILED, 0.5))

    assert {"eager", "compile:default"} == set(cache.known((KEY, COMPILED), fresh_eager=timing(1.01)))
    assert {} == cache.known((KEY, COMPILED), fresh_eager=timing(1.5))
    assert cache.get(COMPILED) is None


def test_eager_is_always_asked_for_and_comes_first():
    settings = EvaluationSettings(
        baselines=(BaselineKind.COMPILE,), compile_mode=CompileMode.MAX_AUTOTUNE, tf32=Tf32.BOTH
    )

    names = [key.name for key in keys_for("a" * 64, settings, CONDITIONS)]

    assert ["eager", "compile:max-autotune", "eager+tf32", "compile:max-autotune+tf32"] == names


@pytest.mark.parametrize("tf32", Tf32)
def test_where_there_is_no_tf32_no_baseline_is_measured_with_it(tf32):
    cpu = replace(CONDITIONS, device_model="a processor", driver="", cuda=None)

    assert ["eager"] == [key.name for key in keys_for("", EvaluationSettings(tf32=tf32), cpu)]


def test_with_tf32_on_the_names_say_so():
    assert ["eager+tf32"] == [key.name for key in keys_for("", EvaluationSettings(tf32=Tf32.ON), CONDITIONS)]


def table(folder, content):
    path = folder / "results" / "timing" / "H100_Modal" / "baseline_time_torch.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)


def test_kernelbenchs_tables_are_read_and_marked_as_foreign(tmp_path):
    entry = {"mean": 2.66, "std": 0.02, "hardware": "NVIDIA H100 80GB HBM3"}
    table(tmp_path, json.dumps({"level1": {"1_Square.py": entry, "2_Other.py": {"mean": -1.0}}}))

    expected = ForeignBaseline("H100_Modal", "baseline_time_torch", 2.66, "NVIDIA H100 80GB HBM3")
    assert (expected,) == foreign_baselines(tmp_path, level=1, problem_file="1_Square.py")
    assert () == foreign_baselines(tmp_path, level=1, problem_file="2_Other.py")
    assert () == foreign_baselines(tmp_path, level=2, problem_file="1_Square.py")


@pytest.mark.parametrize("content", ["", "[]", '{"level1": []}', '{"level1": {"1_Square.py": 3}}'])
def test_a_table_that_is_none_says_nothing(tmp_path, content):
    table(tmp_path, content)

    assert () == foreign_baselines(tmp_path, level=1, problem_file="1_Square.py")
