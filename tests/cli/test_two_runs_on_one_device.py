"""Two `caesar run` processes that share a device, and one of them killed in the middle of an evaluation."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from caesar.devices import journal
from caesar.devices.journal import What
from caesar.devices.processes import Process, marked
from caesar.devices.state import read_state
from caesar.devices.turnstile import lines

pytestmark = pytest.mark.slow

REFERENCE = """
import torch
class Model(torch.nn.Module):
    def forward(self, x):
        return x + 1
def get_inputs():
    return [torch.ones(8)]
def get_init_inputs():
    return []
"""
HANGING = """
import torch
class ModelNew(torch.nn.Module):
    def forward(self, x):
        while True:
            pass
"""
SOUND = REFERENCE.replace("class Model(", "class ModelNew(")
SPEC = """
caesar: 1
name: {name}
problems: {{suite: {suite}}}
model: {{name: "scripted:{candidate}"}}
budget: {{turns: 1}}
limits: {{evaluate: 120s}}
evaluation: {{correctness_trials: 1, timing_trials: 10}}
context: {{history: last, show: [candidate, verdict]}}
"""
SOON_S = 120.0


def started(folder: Path, name: str, candidate: str) -> subprocess.Popen[str]:
    (folder / "1_add.py").write_text(REFERENCE)
    (folder / "candidates").mkdir(exist_ok=True)
    (folder / "candidates" / f"{name}.py").write_text(candidate)
    spec = folder / f"{name}.yaml"
    spec.write_text(
        SPEC.format(name=name, suite=folder / "1_add.py", candidate=folder / "candidates" / f"{name}.py")
    )
    environ = {**os.environ, "CAESAR_LOCKS": str(folder / "locks"), "CAESAR_CACHE": str(folder / "cache")}
    program = "from caesar.cli.main import main; main()"
    words = ["run", str(spec), "--store", str(folder / f"{name}.db"), "--root", str(folder / "runs")]
    return subprocess.Popen([sys.executable, "-c", program, *words], env=environ, text=True)


def until(condition):
    """What the condition gives once that is true of something."""
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise TimeoutError


def test_a_device_is_taken_over_only_when_nothing_of_the_killed_run_is_left_on_it(tmp_path):
    locks = tmp_path / "locks"
    killed = started(tmp_path, "hangs", HANGING)
    other = None
    try:
        until(lambda: len([e for e in journal.entries(locks) if e.what is What.GRANT]) == 1)
        holding: Process = read_state(locks, "cpu:0").holder.process
        until(lambda: len(tuple(marked(holding))) >= 2)  # the zygote, and what judges
        other = started(tmp_path, "goes-on", SOUND)
        until(lambda: lines(locks))  # it stands in line
        time.sleep(0.5)  # in the middle of an evaluation
        killed.send_signal(signal.SIGKILL)
        until(lambda: len([e for e in journal.entries(locks) if e.what is What.GRANT]) == 2)
        left = tuple(marked(holding))
        assert 0 == other.wait(timeout=SOON_S)
    finally:
        for process in (killed, other):
            if process is not None:
                process.kill()
                process.wait()

    assert () == left
    told = [(e.what, e.token) for e in journal.entries(locks)]
    assert [(What.GRANT, 1), (What.RECLAIM, 1), (What.GRANT, 2), (What.RELEASE, 2)] == told
    assert {"sound"} == {e.condition for e in journal.entries(locks) if e.what is What.RELEASE}
