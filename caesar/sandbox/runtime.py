"""What a boxed child is shown of the machine so that Python, torch, compilers and drivers work.

Never a folder just because it is on sys.path: that may be a checkout, with a store and keys in it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

__all__ = [
    "DEVICES",
    "PSEUDO",
    "environment_paths",
    "installation",
    "module_paths",
    "outermost",
    "runtime_paths",
]

DEVICES = tuple(Path("/dev", name) for name in ("null", "zero", "full", "random", "urandom"))
"""The nodes that every boxed child has."""

PSEUDO = (Path("/sys/devices/system/cpu"), Path("/sys/devices/system/node"))
"""What is read to count and tell processors."""

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = (
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "alternatives",
    "localtime",
    "nsswitch.conf",
    "nvidia",
)
_LISTS = ("LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH")
_HOMES = ("CUDA_HOME", "CUDA_PATH")
_COMPILERS = ("nvcc", "gcc", "g++", "cc", "c++", "clang")
_PACKAGES = ("site-packages", "dist-packages")
_PARTS = ("bin", "include", "lib", "lib32", "lib64", "libexec", "nvvm", "targets")
"""What is shown of a place where things are installed and keys may lie too."""


def runtime_paths() -> tuple[Path, ...]:
    """The system, this Python, its packages, and whatever is imported from elsewhere."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    packages = {path for path in sys.path if Path(path).name in _PACKAGES}
    system = {*_SYSTEM, *(f"/etc/{name}" for name in _SETTINGS)}
    installed = {place for prefix in prefixes for place in installation(Path(prefix))}
    places = outermost(_sound(installed | packages | system))
    names = {name.partition(".")[0] for name in sys.modules} - {"__main__"}
    imported = (path for name in sorted(names) for path in module_paths(name))
    return outermost((*places, *imported))


def module_paths(name: str) -> tuple[Path, ...]:
    """Where an imported module lies: its file, or its folder if it is a package."""
    module = sys.modules.get(name)
    return tuple(_sound(_places(module))) if module else ()


def environment_paths(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Where the environment says that libraries and the CUDA toolkit lie."""
    lists = [part for name in _LISTS for part in environment.get(name, "").split(os.pathsep)]
    homes = [environment.get(name, "") for name in _HOMES]
    return tuple(_sound([*lists, *homes, *_toolkits(environment)]))


def _toolkits(environment: Mapping[str, str]) -> Iterator[str]:
    """Where the compilers lie that are found by name: Triton calls gcc, for one."""
    for name in (*_COMPILERS, environment.get("CC", ""), environment.get("CXX", "")):
        found = name and shutil.which(name, path=environment.get("PATH"))
        if found:
            yield from installation(Path(found).parent.parent)
            yield from installation(Path(found).resolve().parent.parent)


def installation(prefix: Path) -> Iterator[str]:
    """What to show of a place where things are installed: of a home its usual parts, else all of it."""
    is_home = any(home.is_relative_to(prefix) for home in _homes())
    yield from (str(prefix / part) for part in _PARTS) if is_home else (str(prefix),)


def _homes() -> tuple[Path, ...]:
    """The home of this process's user, and where programs of the user's own are installed."""
    try:
        home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return ()
    return home, home / ".local"


def outermost(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The paths, and where symbolic links lead; those that lie below another are left out."""
    every = {place for path in paths for place in (path, path.resolve())}
    return tuple(sorted(path for path in every if every.isdisjoint(path.parents)))


def _places(module: ModuleType) -> Iterable[str]:
    folders = getattr(module, "__path__", None)
    if folders is not None:
        return [str(folder) for folder in folders]
    file = getattr(module, "__file__", None)
    return [str(file)] if file else []


def _sound(paths: Iterable[str]) -> Iterator[Path]:
    """Those that exist, are absolute, and are not the whole machine."""
    for text in paths:
        path = Path(text)
        if path.is_absolute() and len(path.parts) > 1 and path.exists():
            yield path
