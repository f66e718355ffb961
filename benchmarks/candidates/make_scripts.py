"""Write the candidates of kernelbench/ as completions for scripted models, a file a level."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
_NAME = re.compile(r"L(\d)_(\d+)")


def candidates(level: int) -> Mapping[int, str]:
    """The level's candidates by their problem's id, in order."""
    named = {path: _NAME.fullmatch(path.stem) for path in (HERE / "kernelbench").glob("*.py")}
    found = {int(name[2]): path for path, name in named.items() if name and int(name[1]) == level}
    return {problem: found[problem].read_text(encoding="utf-8") for problem in sorted(found)}


def script(level: int) -> str:
    """The level's candidates as a script: each problem's only completion."""
    lines = ["# Written by make_scripts.py from kernelbench/: the candidates as completions."]
    for problem, source in candidates(level).items():
        lines += [f'"{problem}":', "  - |", "    ```python"]
        lines += [f"    {line}" if line else "" for line in source.splitlines()]
        lines += ["    ```"]
    return "\n".join(lines) + "\n"


def main() -> None:
    for level in (1, 2, 3):
        (HERE / f"level{level}.completions.yaml").write_text(script(level), encoding="utf-8")


if __name__ == "__main__":
    main()
