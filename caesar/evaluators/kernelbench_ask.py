"""What an interpreter has of what KernelBench's evaluator takes: a program that tells it in JSON.

It is run by the interpreter in question, never imported: KernelBench and its packages are imported here.
So it takes nothing but the standard library, and no newer Python than 3.10.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Tell about this interpreter; the arguments are KernelBench's package, or nothing, and what it needs."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what is imported may print
    package, *needed = sys.argv[1:]
    found = package or _installed()
    absent = [name for name in needed if not _imports(name)]
    told = {
        "python": platform.python_version(),
        "torch": getattr(sys.modules.get("torch"), "__version__", None),
        "absent": absent,
        "package": found,
        "wrong": _wrong(found) if found and not absent else None,
    }
    with answers:
        json.dump(told, answers, default=str)


def _imports(name: str) -> bool:
    try:
        importlib.import_module(name)
    except (ImportError, OSError):  # a shared library that is missing is an OSError
        return False
    return True


def _installed() -> str | None:
    found = importlib.machinery.PathFinder.find_spec("kernelbench")
    places = list(found.submodule_search_locations or ()) if found else []
    return str(places[0]) if places else None


def _wrong(package: str) -> str | None:
    """Why KernelBench can't be imported as an evaluation does it; None where it can."""
    try:
        _child().imported(package)
    except (ImportError, OSError, SyntaxError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"[:500]
    return None


def _child() -> Any:
    """The module that an evaluation runs, from the file beside this one: Caesar may not be installed here."""
    file = Path(__file__).with_name("kernelbench_child.py")
    spec = importlib.util.spec_from_file_location("kernelbench_child", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} can't be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
