"""The reference against itself: how often it is called faster than itself, which it never is.

Each evaluation is a whole one, of a candidate that is the reference under another name, on small
problems of the starter suite. Called faster is one whose speedup's 95% interval lies above 1.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

from measures import Measure, at_most, parser, report

from caesar.cli.machinery import Machinery, backend_of, choose_devices, machinery
from caesar.domain import Candidate, Evaluation, Problem, Verdict
from caesar.effects import Build, Evaluate, EvaluationSettings, Limits, Request
from caesar.problems.suites import load_suite

SETTINGS = EvaluationSettings(correctness_trials=1, timing_trials=60, timing_s=1.0)


async def evaluated(machine: Machinery, problem: Problem, number: int) -> Evaluation:
    source = problem.source.replace("class Model(", "class ModelNew(").replace(
        "super(Model,", "super(ModelNew,"
    )
    request = Request(f"itself/{problem.id}/{number}", turn=1, slot=0, action="evaluate")
    backend = backend_of(None)
    candidate = Candidate(source)
    built = await machine.builder.build(Build(request, candidate, backend, Limits(), problem))
    assert built.artifact is not None
    work = Evaluate(request, problem, candidate, built.artifact, backend, SETTINGS, Limits())
    grant = await machine.devices.acquire(request.id, affinity=problem.digest)
    try:
        return (await machine.evaluator.evaluate(work, grant)).evaluation
    finally:
        await machine.devices.release(grant)


def in_blocks(problems: Sequence[Problem], times: int) -> Iterator[Problem]:
    """Each problem several times in a row, as a run groups them."""
    block = max(1, times // (5 * len(problems)))
    return islice((problem for problem in cycle(problems) for _ in range(block)), times)


async def measured(times: int, ids: Sequence[str]) -> list[Evaluation]:
    backend = backend_of(None)
    suite = load_suite("starter", kernelbench=None, relative_to=Path.cwd())
    problems = [problem for problem in suite.problems if problem.id in ids]
    found = []
    async with machinery(choose_devices(backend, ()), backend) as machine:
        for number, problem in enumerate(in_blocks(problems, times)):
            found.append(await evaluated(machine, problem, number))
    return found


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--times", type=int, default=200)
    options.add_argument("--ids", default="3,4,8")
    chosen = options.parse_args()
    evaluations = asyncio.run(measured(chosen.times, chosen.ids.split(",")))
    passed = [one for one in evaluations if one.verdict is Verdict.PASSED]
    intervals = [one.speedup_interval for one in passed if one.speedup_interval]
    faster = sum(low > 1 for low, _ in intervals)
    slower = sum(high < 1 for _, high in intervals)
    doubted = sum(any(f.kind == "timing_inconsistent" for f in one.findings) for one in passed)
    name = passed[0].environment.device_name if passed else os.uname().machine
    sys.stderr.write(f"{len(evaluations)} evaluations on {name}, {len(passed)} passed\n")
    report(
        [
            at_most("called faster than itself", faster, f"of {len(intervals)}", target=0.05 * len(intervals)),
            Measure("called slower than itself", slower, f"of {len(intervals)}"),
            Measure("timing found inconsistent", doubted, f"of {len(passed)}"),
            Measure("median speedup", statistics.median(one.speedup or 0.0 for one in passed), "x"),
        ],
        as_json=chosen.json,
    )


if __name__ == "__main__":
    main()
