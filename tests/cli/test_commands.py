"""The command line on real input, with scripted completions and candidates that need no compiler."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "specs" / "last_only.yaml"

WRONG = """```python
import torch.nn as nn

class ModelNew(nn.Module):
    def forward(self, x, y):
        return x
```"""
RIGHT = """```python
import torch
import torch.nn as nn

class ModelNew(nn.Module):
    def forward(self, x, y):
        gate = 0.5 * (1.0 + x / (1.0 + torch.abs(x)))
        mixed = gate * y + (1.0 - gate) * x
        return torch.clamp(mixed, -1.5, 1.5) + 0.1 * mixed * mixed
```"""


def environment(folder: Path) -> dict[str, str]:
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "LANG", "PYTHONPATH", "KERNELBENCH_ROOT")
        if name in os.environ
    }
    return {**kept, "CAESAR_CACHE": str(folder / "cache"), "CAESAR_LOCKS": str(folder / "locks")}


def caesar(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from caesar.cli.main import main; main()", *arguments],
        cwd=folder,
        env={**environment(folder), **more},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A folder in which one scripted run has ended: no code, then wrong, then right."""
    folder = tmp_path_factory.mktemp("ran")
    (folder / "script.json").write_text(json.dumps(["no code here", WRONG, RIGHT]))
    done = caesar(folder, "run", str(SPEC), "--ids", "1", "--model", "scripted:script.json")
    assert 0 == done.returncode, done.stderr
    return folder


@pytest.mark.slow
def test_a_run_ends_with_upstreams_layout_and_every_verdict(ran):
    folder = ran / "runs" / "default" / "last_only" / "problem_1" / "sample_0"

    log = json.loads((folder / "log.json").read_text())

    assert ["metadata", "1", "2", "3", "result"] == list(log)
    assert [False, False, True] == [log[turn]["eval_result"]["correctness"] for turn in "123"]
    assert -1.0 == log["2"]["eval_result"]["runtime"]
    assert log["result"]["eval_result"]["runtime"] > 0
    assert (folder / "DONE").exists()
    assert "starter" == json.loads((folder / "config.json").read_text())["dataset_name"]


@pytest.mark.slow
def test_exporting_again_gives_the_same_bytes(ran, tmp_path):
    exported = caesar(ran, "export", "last_only", "--to", str(tmp_path))

    assert 0 == exported.returncode, exported.stderr
    there = {file.relative_to(tmp_path): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    here = ran / "runs" / "default"
    before = {file.relative_to(ran / "runs"): file.read_bytes() for file in here.rglob("*") if file.is_file()}
    assert before == there


@pytest.mark.slow
def test_the_same_command_again_has_nothing_to_do(ran):
    again = caesar(ran, "run", str(SPEC), "--ids", "1", "--model", "scripted:script.json")

    assert 0 == again.returncode
    assert "1 trajectory finished" in again.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [("resume", "last_only"), ("evaluate", "candidate.py", "--problem", "starter/1")]
)
def test_the_next_command_removes_what_a_killed_one_left_in_the_temporary_folder(ran, tmp_path, command):
    (tmp_path / "caesar-work-left" / "deeper").mkdir(parents=True)
    (ran / "candidate.py").write_text(RIGHT.removeprefix("```python").removesuffix("```"))

    done = caesar(ran, *command, TMPDIR=str(tmp_path))

    assert 0 == done.returncode, done.stderr
    assert [] == list(tmp_path.iterdir())


@pytest.mark.slow
def test_another_configuration_under_the_same_name_shows_the_difference(ran):
    refused = caesar(ran, "run", str(SPEC), "--ids", "1", "--model", "scripted:script.json", "--set", "seed=5")

    assert 2 == refused.returncode
    assert "seed: 0 -> 5" in refused.stderr


@pytest.mark.slow
def test_a_report_sets_its_notes_apart_from_the_table_below(ran):
    lines = caesar(ran, "report").stdout.splitlines()

    place = lines.index("time on devices:")
    assert ["", True] == [lines[place - 1], lines[place - 2].startswith("note: ")]


def test_a_folder_of_problems_given_as_a_flag_is_looked_up_from_the_current_folder(tmp_path):
    (tmp_path / "mine").mkdir()

    done = caesar(tmp_path, "run", str(SPEC), "--problems", "./mine")

    assert 2 == done.returncode
    assert str(tmp_path / "mine") in done.stderr


@pytest.mark.slow
def test_a_run_for_the_cpu_is_not_rescored_and_says_why(ran):
    done = caesar(ran, "rescore", "last_only")

    assert 2 == done.returncode
    assert "its candidates are for the CPU" in done.stderr


@pytest.mark.slow
def test_status_show_report_and_sql_tell_of_the_run(ran):
    status = json.loads(caesar(ran, "status", "--json").stdout)
    shown = json.loads(caesar(ran, "show", "last_only", "1", "--json").stdout)
    turn = json.loads(caesar(ran, "show", "last_only", "1", "--turn", "3", "--json").stdout)
    report = json.loads(caesar(ran, "report", "--json").stdout)
    rows = json.loads(caesar(ran, "sql", "SELECT outcome FROM turns ORDER BY turn", "--json").stdout)

    assert {"finished": 1, "planned": 0, "damaged": 0} == status["runs"][0]["trajectories"]
    assert "last_only" == status["runs"][0]["spec"]
    assert ["no_code", "incorrect", "passed"] == [row["outcome"] for row in shown["turns"]]
    assert "class Model(nn.Module)" in turn["prompt"]
    assert "passed" in turn["feedback"].lower()
    assert report["runs"][0]["problems"][0]["best_speedup"] > 0
    assert [{"outcome": "no_code"}, {"outcome": "incorrect"}, {"outcome": "passed"}] == rows


@pytest.mark.slow
def test_human_output_is_plain_and_says_how_completions_came_about(ran):
    told = caesar(ran, "report").stdout

    assert "fast_p" in told
    assert "written before any prompt" in told
    assert "\x1b" not in told


@pytest.mark.slow
def test_evaluate_prints_the_designs_document(ran, tmp_path):
    candidate = tmp_path / "candidate.py"
    candidate.write_text(RIGHT.strip("`").removeprefix("python"))

    judged = caesar(ran, "evaluate", str(candidate), "--problem", "starter/1", "--json")

    document = json.loads(judged.stdout)
    assert 0 == judged.returncode
    assert ("passed", None) == (document["verdict"], document["reason"])
    trusted = {"none": "none", "process": "low", "namespace": "high"}
    assert trusted[document["isolation"]] == document["trust"]
    wanted = "candidate problem device verdict reason findings isolation trust timing baselines speedup"
    assert {*wanted.split(), "speedup_interval", "kernelbench"} <= set(document)


@pytest.mark.slow
def test_a_run_works_where_duckdb_pyarrow_and_litellm_are_missing(tmp_path):
    (tmp_path / "script.json").write_text(json.dumps([RIGHT]))
    blocker = tmp_path / "absent"
    blocker.mkdir()
    for name in ("duckdb", "pyarrow", "litellm"):
        (blocker / f"{name}.py").write_text(
            f"raise ModuleNotFoundError('No module named {name}', name='{name}')"
        )
    arguments = ("run", str(SPEC), "--ids", "1", "--turns", "1", "--model", "scripted:script.json")

    done = caesar(tmp_path, *arguments, PYTHONPATH=str(blocker))

    assert 0 == done.returncode, done.stderr
    assert "log.json was not exported" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "absent.yaml"), "no such file"),
        (("run", str(SPEC), "--problems", "starterr"), "starter"),
        (("run", str(SPEC), "--ids", "99"), "99"),
        (("run", str(SPEC), "--set", "budget.turn=3"), "turns"),
        (("run", str(SPEC), "--set", "nonsense"), "nonsense=VALUE"),
        (("run", str(SPEC), "--problems", "kernelbench/level1"), "KERNELBENCH_ROOT"),
        (("run", str(SPEC), "--model", "scripted:absent.yaml"), "absent.yaml"),
        (("run", str(SPEC), "--devices", "cpu:9"), "cpu:9"),
        (("run", str(SPEC), "--name", "two\nlines"), "--name"),
        (("run", str(SPEC), "--name", "../up"), "--name"),
        (("run", str(SPEC), "--group", "g" * 65), "--group"),
        (("run", "."), "not a file"),
        (("run", "/dev/zero"), "not a file"),
        (("evaluate", "/dev/zero", "--problem", "starter/1"), "not a file"),
        (("status",), "no store"),
        (("show", "nothing", "1"), "no store"),
        (("evaluate", "absent.py", "--problem", "starter/1"), "absent.py"),
        (("problems", "list", "nowhere"), "nowhere"),
        (("spec", "check", "absent.yaml"), "absent.yaml"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(tmp_path, arguments, told):
    refused = caesar(tmp_path, *arguments, KERNELBENCH_ROOT="")

    assert 2 == refused.returncode, refused.stderr
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "runs").exists()


def test_a_missing_api_key_is_named_before_any_work_starts(tmp_path):
    if importlib.util.find_spec("litellm") is None:
        pytest.skip("litellm is not installed")

    refused = caesar(tmp_path, "run", str(SPEC), "--model", "openai/gpt-4o")

    assert 2 == refused.returncode
    assert "OPENAI_API_KEY" in refused.stderr
    assert not (tmp_path / "runs").exists()


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "notes.db").write_text("not a database, but long enough to be read as one" * 40)

    refused = caesar(tmp_path, "status", "--store", "notes.db")

    assert 1 == refused.returncode
    assert "notes.db" in refused.stderr
    assert 1 == refused.stderr.count("\n")


def test_a_store_of_a_newer_program_is_refused(ran_store):
    connection = sqlite3.connect(ran_store)
    connection.execute("PRAGMA user_version = 999")
    connection.commit()
    connection.close()

    refused = caesar(ran_store.parent, "status", "--store", str(ran_store))

    assert 1 == refused.returncode
    assert "newer" in refused.stderr


@pytest.fixture
def ran_store(tmp_path):
    """An empty store."""
    from caesar.stores.eventlog import SqliteEventLog

    path = tmp_path / "store.db"
    SqliteEventLog.open(path, clock_us=lambda: 0).close()
    return path


def test_help_imports_none_of_the_heavy_libraries(tmp_path):
    program = (
        "import sys; sys.argv = ['caesar', '--help']\n"
        "from caesar.cli.main import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'litellm', 'duckdb', 'pyarrow', 'rich', 'msgspec', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stderr


def test_spec_check_prints_the_place_of_every_defect(tmp_path):
    (tmp_path / "bad.yaml").write_text("caesar: 1\nname: bad\nproblems: starter\nmodel: x\nbudget: {turn: 3}\n")

    refused = caesar(tmp_path, "spec", "check", "bad.yaml")

    assert 2 == refused.returncode
    assert "bad.yaml:5:10" in refused.stderr


def test_spec_schema_is_a_json_document(tmp_path):
    printed = caesar(tmp_path, "spec", "schema")

    assert "https://json-schema.org/draft/2020-12/schema" == json.loads(printed.stdout)["$schema"]


@pytest.mark.slow
def test_two_commands_for_one_run_at_once_are_one_run(tmp_path):
    (tmp_path / "script.json").write_text(json.dumps([RIGHT] * 2))
    command = [sys.executable, "-c", "from caesar.cli.main import main; main()", "run", str(SPEC), "--ids", "1"]
    command += ["--turns", "2", "--model", "scripted:script.json"]
    given = {"cwd": tmp_path, "env": environment(tmp_path), "stderr": subprocess.PIPE, "text": True}

    both = [subprocess.Popen(command, **given) for _ in range(2)]
    told = [process.communicate(timeout=120)[1] for process in both]

    assert [0, 1] == sorted(process.returncode for process in both)
    assert 1 == sum("is being worked on by" in text for text in told), told
    assert 1 == len(json.loads(caesar(tmp_path, "status", "--json").stdout)["runs"])


@pytest.mark.slow
def test_an_interrupted_run_is_continued_by_the_same_command(tmp_path):
    (tmp_path / "script.json").write_text(json.dumps([RIGHT] * 2))
    command = ["run", str(SPEC), "--ids", "1-3", "--turns", "2", "--model", "scripted:script.json"]
    python = (  # whoever runs tests in the background has them ignore interrupts, until a run asks for them
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from caesar.cli.main import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", python, *command],
        cwd=tmp_path,
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=120)[1]

    again = caesar(tmp_path, *command)

    assert 130 == process.returncode, told
    assert "continues it" in told
    assert 0 == again.returncode, again.stderr
    assert {"finished": 3, "planned": 0, "damaged": 0} == json.loads(
        caesar(tmp_path, "status", "--json").stdout
    )["runs"][0]["trajectories"]


@pytest.mark.slow
def test_a_run_goes_on_when_nobody_reads_what_it_says(tmp_path):
    (tmp_path / "script.json").write_text(json.dumps([RIGHT]))
    command = f"{sys.executable} -c 'from caesar.cli.main import main; main()' run {SPEC} --ids 1 --turns 1"
    piped = f"({command} --model scripted:script.json; echo $? > status) 2>&1 | head -c 1 > /dev/null"

    subprocess.run(["bash", "-c", piped], cwd=tmp_path, env=environment(tmp_path), timeout=120, check=True)

    assert "0" == (tmp_path / "status").read_text().strip()


def test_a_full_standard_output_is_status_1(tmp_path):
    command = f"{sys.executable} -c 'from caesar.cli.main import main; main()' spec schema > /dev/full"

    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert 1 == done.returncode
    assert "Traceback" not in done.stderr


def test_spec_check_has_a_document_of_places(tmp_path):
    (tmp_path / "bad.yaml").write_text("caesar: 1\nname: bad\nproblems: starter\nmodel: x\nbudget: {turn: 3}\n")

    checked = caesar(tmp_path, "spec", "check", "bad.yaml", str(SPEC), "absent.yaml", "--json")

    bad, sound, absent = json.loads(checked.stdout)
    assert 2 == checked.returncode
    assert (5, 10) == (bad["defects"][0]["line"], bad["defects"][0]["column"])
    assert (True, []) == (sound["sound"], sound["defects"])
    assert "no such file" in absent["defects"][0]["message"]


def test_a_specs_defects_are_printed_as_editors_read_them(tmp_path):
    (tmp_path / "bad.yaml").write_text("caesar: 1\nname: bad\nproblems: starter\nmodel: x\nbudget: {turn: 3}\n")

    refused = caesar(tmp_path, "run", "bad.yaml")

    assert refused.stderr.startswith("bad.yaml:5:10: ")


def test_the_version_is_printed(tmp_path):
    assert caesar(tmp_path, "--version").stdout.startswith("caesar ")


@pytest.mark.slow
def test_a_problem_may_be_named_and_one_value_is_printed_as_it_is(ran):
    by_name = caesar(ran, "show", "last_only", "rationalgate")
    source = caesar(
        ran, "sql", "SELECT text FROM texts WHERE text LIKE 'import%' AND text LIKE '%ModelNew%' LIMIT 1"
    )

    assert "last_only, problem 1, sample 0" in by_name.stdout
    assert len(source.stdout.splitlines()) >= 5


@pytest.mark.slow
def test_evaluate_tells_of_findings_beside_a_failure(ran, tmp_path):
    candidate = tmp_path / "candidate.py"
    candidate.write_text(
        "import torch.nn as nn\n"
        "class ModelNew(nn.Module):\n"
        "    def forward(self, x, y):\n"
        "        return x.mul_(2)\n"
    )

    judged = caesar(ran, "evaluate", str(candidate), "--problem", "starter/1")

    assert 1 == judged.returncode
    assert "incorrect: values" in judged.stdout
    assert "input_mutated" in judged.stdout
