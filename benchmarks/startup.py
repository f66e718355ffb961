"""How long the command line takes to say what it can do: CPU and wall of `caesar --help`."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time

from measures import Measure, at_most, p95, parser, report

REPEATS = 15
PROGRAM = "from caesar.cli.main import main; main()"


def once() -> tuple[float, float]:
    """CPU and wall seconds of one start."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", PROGRAM, "--help"], check=True, capture_output=True)
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall_s


def main() -> None:
    options = parser(__doc__).parse_args()
    runs = [once() for _ in range(REPEATS)]
    cpu = [cpu_s for cpu_s, _ in runs]
    wall = [wall_s for _, wall_s in runs]
    measures = (
        at_most("caesar --help, CPU, median", statistics.median(cpu), "s", target=0.2),
        Measure("caesar --help, CPU, p95", p95(cpu), "s"),
        Measure("caesar --help, wall, median", statistics.median(wall), "s"),
    )
    report(measures, as_json=options.json)


if __name__ == "__main__":
    main()
