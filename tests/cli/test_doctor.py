"""`caesar doctor`: what it says of profilers and of KernelBench's interpreter."""

from __future__ import annotations

import importlib.util
import re

import pytest

from caesar.cli import doctor, profilers
from caesar.cli.checks import State
from caesar.devices.inventory import Device, Gpus

GPU = Device("GPU-1", "a GPU", index=0, arch="9.0")
COUNTED = """==PROF== Profiling "vectorized_elementwise_kernel" - 0 (1/1): 0%....50%....100% - 1 pass
    ---------------------- ----------- ------------
    Metric Name            Metric Unit Metric Value
    ---------------------- ----------- ------------
    sm__cycles_elapsed.max       cycle        3,800
    ---------------------- ----------- ------------
"""
FORBIDDEN = "==ERROR== ERR_NVGPUCTRPERM - The user does not have permission to access counters"


def tool(folder, name, *, prints):
    program = folder / name
    version = "Version 2025.3.1.0 (build 1)"
    program.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] && echo '{version}' || echo '{prints}'\n")
    program.chmod(0o755)


def looked_at(folder, gpus=()):
    """The checks by their names, with the tools that the folder holds."""
    environ = {"PATH": f"{folder}:/usr/bin:/bin", "CUDA_HOME": str(folder)}
    return {check.what: check for check in profilers.profilers(gpus, environ)}


@pytest.fixture
def nvml(monkeypatch):
    """An NVML that answers."""
    monkeypatch.setattr(profilers, "strangers", lambda device: ())


@pytest.mark.usefixtures("nvml")
def test_tools_that_are_not_there_are_lacking_and_said_to_be_dispensable(tmp_path):
    checks = looked_at(tmp_path, (GPU,))

    assert [State.LACKS] * 2 == [checks[name].state for name in ("ncu", "compute-sanitizer")]
    assert all("runs do without" in checks[name].line for name in ("ncu", "compute-sanitizer"))


def test_without_a_gpu_a_profiler_is_named_with_what_was_not_tried(tmp_path):
    tool(tmp_path, "ncu", prints="no")
    tool(tmp_path, "compute-sanitizer", prints="no")

    checks = looked_at(tmp_path)

    assert (State.WORKS, "2025.3.1.0; hardware counters were not tried, for want of a GPU") == (
        checks["ncu"].state,
        checks["ncu"].line,
    )
    assert "2025.3.1.0; nothing was run under it" == checks["compute-sanitizer"].line


@pytest.mark.usefixtures("nvml")
@pytest.mark.parametrize(
    ("said", "state", "words"),
    [
        (COUNTED, State.WORKS, "2025.3.1.0; it reads hardware counters"),
        (FORBIDDEN, State.LACKS, "may not read hardware counters; .*NVreg_RestrictProfilingToAdminUsers=0"),
        ("==ERROR== The application returned an error code (1).", State.LACKS, "The application returned"),
        ("", State.LACKS, "it said nothing"),
    ],
)
def test_with_a_gpu_a_kernel_is_profiled(tmp_path, said, state, words):
    tool(tmp_path, "ncu", prints=said)

    check = looked_at(tmp_path, (GPU,))["ncu"]

    assert state is check.state
    assert re.search(words, check.line)


def test_a_profiler_that_takes_too_long_is_said_to():
    assert "1; a kernel was not profiled in 60 s" == profilers.counters(None, told="1").found


def test_without_nvml_results_are_said_to_lack_what_it_tells(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    check = looked_at(tmp_path, (GPU,))["nvidia-ml-py"]

    assert State.LACKS is check.state
    assert "results lack clocks, temperature and power" in check.found
    assert "pip install nvidia-ml-py where GPUs are" == check.advice


def test_an_nvml_that_does_not_answer_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(profilers, "strangers", lambda device: None)

    assert "NVML does not answer" in looked_at(tmp_path, (GPU,))["nvidia-ml-py"].found


def test_an_interpreter_that_is_no_python_is_not_said_to_work(monkeypatch):
    monkeypatch.setenv("KERNELBENCH_PYTHON", "/bin/true")

    check = doctor._kernelbench(None, Gpus())

    assert State.LACKS is check.state
    assert "/bin/true does not answer as a Python does" in check.line
