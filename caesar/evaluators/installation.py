"""Which KernelBench is run, under which interpreter, and whether that interpreter can run it.

An interpreter is asked by a program that it runs itself, in a clean environment: nothing of
KernelBench's is imported here, and neither keys nor `.env` files are there to be read.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

import msgspec

from caesar.errors import UsageError
from caesar.sandbox.environment import clean_environment

__all__ = ["ADVICE", "Installation", "Interpreter", "asked", "find_installation"]

ADVICE = "the README says how to get KernelBench"

_NEEDED = ("torch", "numpy", "pydantic", "requests", "tqdm")
"""What KernelBench's evaluator imports that can't be done without."""

_PROGRAM = Path(__file__).with_name("kernelbench_ask.py")
_ASKING_S = 120.0
"""Importing torch takes seconds, and a minute from a cold network disk."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Which KernelBench is run, and under which interpreter."""

    package: Path
    """The folder of its package."""
    python: Path | None
    """Another interpreter to run it with; None for ours."""
    version: str
    """kernelbench- and the start of its evaluator's sha256."""

    @property
    def reads(self) -> tuple[Path, ...]:
        """What its process has to be shown besides our own interpreter."""
        programs = [] if self.python is None else [self.python, self.python.resolve()]
        return (self.package, *(program.absolute().parent.parent for program in programs))


class Interpreter(msgspec.Struct, frozen=True):
    """What an interpreter tells of itself."""

    python: str
    """Its version."""
    torch: str | None
    absent: tuple[str, ...]
    """What KernelBench's evaluator needs and can't be imported there."""
    package: str | None
    """The folder of KernelBench's package; None where it has none installed and was given none."""
    wrong: str | None
    """Why KernelBench's evaluator can't be imported, everything it needs being there; None where it can."""


_DECODER = msgspec.json.Decoder(Interpreter)


def find_installation(environ: Mapping[str, str], *, root: Path | None) -> Installation:
    """KernelBench in a checkout, else as an installed package.

    `environ` may name another interpreter as KERNELBENCH_PYTHON, which is asked whether it can run it.
    UsageError where there is no KernelBench, or the interpreter lacks what it needs.
    """
    python = _interpreter(environ.get("KERNELBENCH_PYTHON"))
    given = None if root is None else _package(root)
    package = _found_by_us(given) if python is None else asked(python, given, environ)[0]
    return Installation(package, python, f"kernelbench-{_content(package)}")


def asked(python: Path, package: Path | None, environ: Mapping[str, str]) -> tuple[Path, Interpreter]:
    """The package that an interpreter runs, the given one or its own, and what it tells of itself.

    UsageError where KernelBench's evaluator can't run under it.
    """
    told = _told(python, package, environ)
    _require(told.absent, python)
    if told.package is None:
        raise UsageError(f"{python} has no KernelBench installed: set KERNELBENCH_ROOT; {ADVICE}")
    if told.wrong is not None:
        raise UsageError(f"KernelBench in {told.package} can't be imported by {python}: {told.wrong}; {ADVICE}")
    return Path(told.package), told


def _found_by_us(given: Path | None) -> Path:
    """The package, looked up without importing anything: what an import says is found out by asking."""
    package = given or _installed_package()
    if package is None:
        raise UsageError(f"KernelBench's judgement takes KernelBench: set KERNELBENCH_ROOT; {ADVICE}")
    _require(tuple(name for name in _NEEDED if PathFinder.find_spec(name) is None), Path(sys.executable))
    return package


def _require(absent: tuple[str, ...], python: Path) -> None:
    if absent:
        raise UsageError(
            f"{python} lacks {', '.join(absent)}, which KernelBench's evaluator needs:"
            f" {python} -m pip install {' '.join(absent)}"
        )


def _told(python: Path, package: Path | None, environ: Mapping[str, str]) -> Interpreter:
    command = [str(python), "-I", str(_PROGRAM), str(package or ""), *_NEEDED]
    try:
        answer = subprocess.run(
            command, env=clean_environment(environ), cwd="/", stdin=subprocess.DEVNULL,
            capture_output=True, check=False, timeout=_ASKING_S,
        )  # fmt: skip
        return _DECODER.decode(answer.stdout)
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"{python} did not import torch in {_ASKING_S:.0f} s; try it again") from error
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(
            f"{python} does not answer as a Python does; let KERNELBENCH_PYTHON name one with torch"
        ) from error


def _interpreter(named: str | None) -> Path | None:
    if not named:
        return None
    found = shutil.which(named)
    if found is None:
        raise UsageError(f"KERNELBENCH_PYTHON names {named}, which can't be run; name a Python with torch")
    return Path(found).absolute()


def _package(root: Path) -> Path:
    package = root.absolute() / "src" / "kernelbench"
    if not (package / "eval.py").is_file():
        raise UsageError(f"{root} is no checkout of KernelBench with src/kernelbench/eval.py; {ADVICE}")
    return package


def _installed_package() -> Path | None:
    found = PathFinder.find_spec("kernelbench")
    places = list(found.submodule_search_locations or ()) if found else []
    return Path(places[0]) if places else None


def _content(package: Path) -> str:
    texts = [(package / name).read_bytes() for name in ("eval.py", "timing.py") if (package / name).is_file()]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:12]
