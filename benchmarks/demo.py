"""The README's demonstration: how long its run takes with a cold and with a warm build cache."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measures import Measure, at_most, parser, report

SPEC = Path(__file__).resolve().parents[1] / "specs" / "last_only.yaml"
PROGRAM = "from caesar.cli.main import main; main()"


def run(folder: Path, *, name: str) -> float:
    """Seconds of one run under a name; the build cache is the folder's."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", PROGRAM, "run", str(SPEC), "--name", name],
        cwd=folder,
        env={**os.environ, "CAESAR_CACHE": str(folder / "cache")},
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


def main() -> None:
    options = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cold_s = run(Path(folder), name="cold")
        warm = [run(Path(folder), name=f"warm{number}") for number in range(3)]
    measures = (
        at_most("demo, six problems, three turns, cold builds", cold_s, "s", target=120.0),
        at_most("the same, warm builds, median of 3", sorted(warm)[1], "s", target=40.0),
        Measure("the same, warm builds, slowest of 3", max(warm), "s"),
    )
    report(measures, as_json=options.json)


if __name__ == "__main__":
    main()
