"""The environment of sandboxed processes: built from an allow-list, never by removing secrets."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["ALLOWED", "clean_environment", "zygote_environment"]

ALLOWED = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "LD_LIBRARY_PATH",
    "LIBRARY_PATH",
    "CPATH",
    "CC",
    "CXX",
    "CUDA_HOME",
    "CUDA_PATH",
    "CUDAHOSTCXX",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_DRIVER_CAPABILITIES",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "CAESAR_HOLDER",
)
"""The variables that pass. Their values reach candidates, so none may ever hold a secret."""

_DEFAULTS = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The allowed variables of an environment, with a PATH and a LANG if it has none.

    The running Python's own folder comes first in PATH: ninja lies there, activated or not.
    """
    clean = _DEFAULTS | {name: environ[name] for name in ALLOWED if name in environ}
    own = str(Path(sys.executable).parent)
    return {**clean, "PATH": os.pathsep.join((own, clean["PATH"]))}


def zygote_environment(clean: Mapping[str, str], *, home: str) -> dict[str, str]:
    """What a zygote itself runs in, over the clean environment, and its children don't.

    One thread, because a fork loses the others; no device to see, and NVML to ask for devices,
    because a fork breaks CUDA once anything has initialised it (importing cpp_extension asks). Idle
    threads sleep, because judge and candidate take turns on the same cores: one that spun after its
    turn made the other's calls twice as slow. Freed memory is kept: where a heap gives it back at every
    call is chance, and made equal code in two processes differ by up to 3.5 times.
    """
    return {
        **clean,
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
        "OMP_WAIT_POLICY": "PASSIVE",
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": "68719476736",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        "HOME": home,
        "TMPDIR": home,
    }
