"""Which compilers, interpreter and torch builds are done with: part of their identity, and where they lie."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from caesar.effects import Backend
from caesar.errors import UsageError
from caesar.sandbox.environment import clean_environment
from caesar.sandbox.folders import job_folder
from caesar.sandbox.runtime import installation

__all__ = ["Places", "Toolchain"]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the tools and what they read lie on this machine; no part of a build's identity."""

    cxx: str
    ar: str
    nvcc: str | None
    gcc: bool
    """Whether the C++ compiler is GCC, whose checks can be made cheap."""
    gold: bool
    """Whether the gold linker is there, which takes half of the other's time."""
    torch: Path
    """torch's own folder."""
    python: Path
    """Python's headers."""
    cuda: Path | None

    @property
    def headers(self) -> tuple[Path, ...]:
        """The folders that torch adds for every extension, in its order."""
        include = self.torch / "include"
        cuda = () if self.cuda is None else (self.cuda / "include",)
        return (include, include / "torch/csrc/api/include", *cuda, self.python)

    @property
    def reads(self) -> tuple[Path, ...]:
        """All that a compiler may read besides its own folder."""
        roots = [*(Path(each) for each in _SYSTEM), self.torch / "include", self.torch / "lib", self.python]
        roots += [] if self.cuda is None else [self.cuda, self.cuda.resolve()]
        for tool in (self.cxx, self.ar, self.nvcc):
            if tool and not _in_system(tool):
                roots += map(Path, installation(Path(tool).resolve().parent.parent))
        return tuple(dict.fromkeys(root for root in roots if root.exists()))


_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/sbin", "/opt/rh")


def _in_system(tool: str) -> bool:
    return Path(tool).resolve().is_relative_to("/usr")


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The tools of one backend, by their versions."""

    python: str
    torch: str
    compilers: tuple[str, ...]
    """What the C++ compiler, and for CUDA nvcc, call themselves: path and --version."""
    places: Places
    std: str = "c++20"
    """The C++ that torch compiles extensions as."""

    @classmethod
    def find(cls, backend: Backend, environ: Mapping[str, str]) -> Toolchain:
        """The tools that builds use; UsageError, in a sentence, if one is missing."""
        clean = clean_environment(environ)
        torch = _torch()
        cxx = _require(_cxx(clean), clean, "install g++ or set CXX")
        compilers = [cxx]
        nvcc = shutil.which(_nvcc(clean), path=clean["PATH"])
        if backend is Backend.CUDA:
            _refuse_cpu_only(torch)
            compilers.append(_require(_nvcc(clean), clean, "install the CUDA toolkit or set CUDA_HOME"))
        described = tuple(_describe(tool, clean) for tool in compilers)
        places = _places(cxx, nvcc, clean, gcc="Free Software Foundation" in described[0])
        return cls(platform.python_version(), torch, described, places, _std(places.torch))

    @property
    def identity(self) -> tuple[object, ...]:
        """What a build depends on, whatever folder the tools are in."""
        return (self.python, sys.implementation.cache_tag, self.torch, self.compilers, self.std)


def _places(cxx: str, nvcc: str | None, environ: Mapping[str, str], *, gcc: bool) -> Places:
    spec = find_spec("torch")
    assert spec is not None
    assert spec.origin is not None
    return Places(
        cxx,
        ar=shutil.which("ar", path=environ["PATH"]) or "ar",
        nvcc=nvcc,
        gcc=gcc,
        gold=_links_with_gold(cxx, environ),
        torch=Path(spec.origin).parent,
        python=Path(sysconfig.get_path("include", scheme="posix_prefix")),
        cuda=_cuda(nvcc, environ),
    )


def _links_with_gold(cxx: str, environ: Mapping[str, str]) -> bool:
    """Whether the compiler makes a library by the gold linker: some installations have one that can't."""
    if shutil.which("ld.gold", path=environ["PATH"]) is None:
        return False
    with job_folder("gold") as folder:
        made = str(folder / "probe.so")
        command = [cxx, "-shared", "-fPIC", "-fuse-ld=gold", "-x", "c++", "-", "-o", made]
        source = "int probe() { return 0; }\n"
        try:
            tried = subprocess.run(
                command, input=source, env=dict(environ), text=True, capture_output=True, check=False
            )
        except OSError:
            return False
        return tried.returncode == 0


def _std(torch: Path) -> str:
    """What torch's own load_inline passes as -std."""
    text = (torch / "utils" / "cpp_extension.py").read_text(errors="replace")
    found = re.search(r"'-fPIC', '-std=(c\+\+\d\d)'", text)
    return found[1] if found else "c++17"


def _cuda(nvcc: str | None, environ: Mapping[str, str]) -> Path | None:
    """The CUDA toolkit's folder, as torch finds it."""
    home = environ.get("CUDA_HOME") or environ.get("CUDA_PATH")
    candidates = [Path(home)] if home else []
    candidates += [Path(nvcc).resolve().parent.parent] if nvcc else []
    candidates.append(Path("/usr/local/cuda"))
    return next((each for each in candidates if (each / "include" / "cuda_runtime.h").exists()), None)


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
