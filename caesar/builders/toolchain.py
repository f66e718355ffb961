"""Which compilers, interpreter and torch builds are done with: what a build's identity depends on."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from caesar.effects import Backend
from caesar.errors import UsageError
from caesar.sandbox.environment import clean_environment

__all__ = ["Toolchain"]


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The tools of one backend, by their versions."""

    python: str
    torch: str
    compilers: tuple[str, ...]
    """What the C++ compiler, and for CUDA nvcc, call themselves: path and --version."""

    @classmethod
    def find(cls, backend: Backend, environ: Mapping[str, str]) -> Toolchain:
        """The tools that a build child would use; UsageError, in a sentence, if one is missing."""
        clean = clean_environment(environ)
        torch = _torch()
        compilers = [_require(_cxx(clean), clean, "install g++ or set CXX")]
        _require("ninja", clean, "install it with pip")
        if backend is Backend.CUDA:
            _refuse_cpu_only(torch)
            compilers.append(_require(_nvcc(clean), clean, "install the CUDA toolkit or set CUDA_HOME"))
        return cls(platform.python_version(), torch, tuple(_describe(tool, clean) for tool in compilers))


def _torch() -> str:
    try:
        return version("torch")
    except PackageNotFoundError:
        raise UsageError("builds need PyTorch, which is not installed; install torch") from None


def _refuse_cpu_only(torch: str) -> None:
    if torch.endswith("+cpu"):
        raise UsageError(
            f"backend cuda needs a PyTorch built for CUDA, and torch {torch} is not;"
            " install a CUDA build of torch or choose --set backend=cpu"
        )


def _cxx(environ: Mapping[str, str]) -> str:
    return environ.get("CXX", "c++")


def _nvcc(environ: Mapping[str, str]) -> str:
    """Where torch looks for it, in its order."""
    home = environ.get("CUDA_HOME") or environ.get("CUDA_PATH")
    if home:
        return str(Path(home, "bin", "nvcc"))
    return shutil.which("nvcc", path=environ["PATH"]) or "/usr/local/cuda/bin/nvcc"


def _require(tool: str, environ: Mapping[str, str], advice: str) -> str:
    found = shutil.which(tool, path=environ["PATH"])
    if found is None:
        raise UsageError(f"builds need {tool}, which is not on the PATH; {advice}")
    return found


def _describe(tool: str, environ: Mapping[str, str]) -> str:
    asked = [tool, "--version"]
    try:
        said = subprocess.run(asked, env=environ, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise UsageError(
            f"builds need {tool}, which can't be run ({error.strerror}); install another"
        ) from error
    return f"{tool}: {said.stdout.strip()}"
