"""What `caesar doctor` finds of the tools that look into a GPU: NVML, Nsight Compute, Compute Sanitizer.

No run needs them, but results lack something without the first. Whether Nsight Compute may read hardware
counters is found by profiling a kernel of one element, with the clocks left alone: others may be timing.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from caesar.cli.checks import Check, State
from caesar.devices.health import strangers
from caesar.devices.inventory import Device
from caesar.sandbox.environment import clean_environment

__all__ = ["counters", "profilers"]

_CUDA = "/usr/local/cuda"
_LIMIT_S = 60.0
"""Profiling one kernel takes seven seconds, most of it torch's import."""
_VERSION = re.compile(r"^Version (\S+)", re.MULTILINE)
_METRIC = "sm__cycles_elapsed.max"
_COUNTED = re.compile(rf"{re.escape(_METRIC)}\s+\S+\s+[\d,.]+")
_ERROR = re.compile(r"^==ERROR== (.+)", re.MULTILINE)
_FORBIDDEN = "ERR_NVGPUCTRPERM"
_KERNEL = "import torch; torch.ones(1, device='cuda')"
_UNSEEN = "results lack clocks, temperature and power, and who else computes on a GPU is not seen"


def profilers(gpus: Sequence[Device], environ: Mapping[str, str]) -> Iterator[Check]:
    """A check of each tool; what takes a GPU is tried on the first, and not where there is none."""
    yield _nvml(gpus)
    yield _ncu(gpus, environ)
    yield _sanitizer(environ)


def _nvml(gpus: Sequence[Device]) -> Check:
    what = "nvidia-ml-py"
    if importlib.util.find_spec("pynvml") is None:
        return Check(what, State.LACKS, f"is not installed: {_UNSEEN}", f"pip install {what} where GPUs are")
    if gpus and strangers(gpus[0]) is None:
        return Check(what, State.LACKS, f"NVML does not answer: {_UNSEEN}", "see what nvidia-smi says")
    try:
        return Check(what, State.WORKS, version(what))
    except PackageNotFoundError:  # pynvml has come some other way
        return Check(what, State.WORKS, "pynvml")


def _ncu(gpus: Sequence[Device], environ: Mapping[str, str]) -> Check:
    program = _found("ncu", environ)
    if program is None:
        advice = "install NVIDIA Nsight Compute to profile kernels; runs do without"
        return Check("ncu", State.LACKS, f"is neither on the PATH nor in {_CUDA}", advice)
    told = _version(program)
    if not gpus:
        return Check("ncu", State.WORKS, f"{told}; hardware counters were not tried, for want of a GPU")
    return counters(_profiled(program, gpus[0]), told=told)


def _sanitizer(environ: Mapping[str, str]) -> Check:
    what = "compute-sanitizer"
    program = _found(what, environ)
    if program is None:
        advice = "it comes with the CUDA toolkit and finds wrong memory accesses; runs do without"
        return Check(what, State.LACKS, f"is neither on the PATH nor in {_CUDA}", advice)
    return Check(what, State.WORKS, f"{_version(program)}; nothing was run under it")


def counters(said: str | None, *, told: str) -> Check:
    """What Nsight Compute's words on profiling a kernel come to; None where its time ran out."""
    if said is None:
        return Check(
            "ncu", State.LACKS, f"{told}; a kernel was not profiled in {_LIMIT_S:.0f} s", "try it by hand"
        )
    if _FORBIDDEN in said:
        advice = (
            "load the module nvidia with NVreg_RestrictProfilingToAdminUsers=0, or give the container SYS_ADMIN"
        )
        return Check("ncu", State.LACKS, f"{told}; this user may not read hardware counters", advice)
    if _COUNTED.search(said):
        return Check("ncu", State.WORKS, f"{told}; it reads hardware counters")
    error = _ERROR.search(said)
    why = error.group(1) if error else said.strip().rpartition("\n")[2] or "it said nothing"
    return Check("ncu", State.LACKS, f"{told}; a kernel could not be profiled: {why}", "try it by hand")


def _found(name: str, environ: Mapping[str, str]) -> Path | None:
    """The program on the PATH, else in the CUDA toolkit's folder."""
    folders = (environ.get("PATH", os.defpath), str(Path(environ.get("CUDA_HOME", _CUDA)) / "bin"))
    program = shutil.which(name, path=os.pathsep.join(folders))
    return None if program is None else Path(program)


def _version(program: Path) -> str:
    told = _VERSION.search(_said([str(program), "--version"], os.environ) or "")
    return told.group(1) if told else f"{program}, of no known version"


def _profiled(program: Path, device: Device) -> str | None:
    options = ("--clock-control", "none", "--metrics", _METRIC, "--launch-count", "1")
    command = [str(program), *options, sys.executable, "-I", "-c", _KERNEL]
    return _said(command, {**os.environ, "CUDA_VISIBLE_DEVICES": device.id})


def _said(command: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """What a program printed; None where it ran out of time."""
    try:
        done = subprocess.run(
            command, env=clean_environment(environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", check=False, timeout=_LIMIT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    except OSError as error:
        return str(error)
    return done.stdout
