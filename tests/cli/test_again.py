"""A real run, killed in the middle, resumed from its store, replayed, forked and judged again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest
from cli.test_commands import RIGHT, SPEC, WRONG, caesar, environment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A folder in which a run was killed once its first turn had ended."""
    folder = tmp_path_factory.mktemp("killed")
    (folder / "script.json").write_text(json.dumps(["no code here", WRONG, RIGHT]))
    (folder / "other.yaml").write_text(SPEC.read_text().replace("name: last_only", "name: other"))
    command = [sys.executable, "-c", "from caesar.cli.main import main; main()", "run", str(SPEC)]
    with subprocess.Popen(
        [*command, "--ids", "1", "--model", "scripted:script.json"],
        cwd=folder,
        env=environment(folder),
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        line = next(line for line in run.stderr if "turn 1 ended" in line)
        assert line
        time.sleep(0.5)
        run.send_signal(signal.SIGKILL)
    return folder


def test_a_killed_run_is_taken_up_replayed_forked_and_compared(killed):
    resumed = caesar(killed, "resume", "last_only")
    assert 0 == resumed.returncode, resumed.stderr

    turns = json.loads(caesar(killed, "show", "last_only", "1", "--json").stdout)["turns"]
    assert ["no_code", "incorrect", "passed"] == [turn["outcome"] for turn in turns]
    assert 0 == caesar(killed, "verify").returncode
    assert "1 of 1 equal" in caesar(killed, "replay", "last_only").stdout

    model = ("--model", "scripted:script.json")
    study = caesar(
        killed, "study", "ablation", "last_only", "--specs", f"{SPEC},other.yaml", "--turn", "2", *model
    )
    assert 0 == study.returncode, study.stderr
    report = json.loads(
        caesar(killed, "report", "last_only.t2.last_only", "last_only.t2.other", "--json").stdout
    )
    assert 3 == len(report["paired"])  # the two forks and their parent
    assert {(3, 1, 1)} == {(one["turns"], one["problems"], one["pairs"]) for one in report["paired"]}
    again = caesar(killed, "fork", "last_only", "1", "--turn", "3", *model)
    assert 2 == again.returncode
    assert "give it more with --turns" in again.stderr

    judged = caesar(killed, "replay", "last_only", "--re-evaluate", "--json")
    assert 0 == judged.returncode, judged.stderr
    assert [True, True] == [one["agrees"] for one in json.loads(judged.stdout)["candidates"]]
