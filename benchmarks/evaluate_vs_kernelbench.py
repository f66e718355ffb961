"""KernelBench's evaluator and ours on the same candidates, side by side, on one GPU.

Takes a GPU and a checkout of KernelBench (KERNELBENCH_ROOT). `--parts` picks what is measured, so that a
part fits into a short lease:

    ours         each problem's candidate: built cold, then evaluated twice, built and judge at hand
    kernelbench  the same candidates by KernelBench's evaluator, their extensions built beforehand
    cold         by KernelBench's evaluator with nothing built, which takes minutes
    sixteen      sixteen different candidates for one problem, cold: built and evaluated by us, in all

Seconds are wall time from asking to having the result, without the program's own start. Both sides run
in the same process trees that `caesar run` uses.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from measures import Measure, at_most, p95, parser, report

from caesar.cli.machinery import Machinery, backend_of, choose_devices, kernelbench_for, machinery
from caesar.devices.inventory import Device
from caesar.domain import Candidate, Evaluation, Problem
from caesar.effects import (
    Backend,
    Build,
    Built,
    Evaluate,
    Evaluated,
    EvaluationSettings,
    JudgeKind,
    Limits,
    Request,
)
from caesar.evaluators.installation import Installation
from caesar.problems.suites import find

CANDIDATES = Path(__file__).parent / "candidates" / "kernelbench"
LIMITS = Limits(build_s=600.0, evaluate_s=600.0)
TARGETS_S = {"L1_19": 3.0, "L1_36": 4.0, "L2_12": 2.0}
"""What a candidate of ours may take, built."""
COLD_S = 18.0
SIXTEEN_S = 90.0
CITED_S = {"L1_19": 64.0, "L1_36": 100.0, "L2_12": 8.3}
"""What KernelBench's evaluator took on an H200, built (docs/decisions/0014)."""


@dataclass(frozen=True, slots=True)
class Task:
    """A candidate and its problem."""

    name: str
    problem: Problem
    candidate: Candidate

    @classmethod
    def named(cls, name: str, root: Path) -> Task:
        """The candidate of that file, with its problem from the checkout."""
        level, problem = name[1:].split("_")
        found = find(f"kernelbench/level{level}/{problem}", kernelbench=root, relative_to=Path.cwd())
        return cls(name, found, Candidate((CANDIDATES / f"{name}.py").read_text(encoding="utf-8")))

    def different(self, number: int) -> Task:
        """The same candidate as another source, which nothing built before serves."""
        marked = self.candidate.source.replace('CUDA = r"""', f'CUDA = r"""\n// candidate {number}', 1)
        return Task(f"{self.name}.{number}", self.problem, Candidate(marked))

    @property
    def request(self) -> Request:
        """By which device and log would know it."""
        return Request(f"benchmark/{self.name}/0", turn=1, slot=0, action="evaluate")


@dataclass(frozen=True, slots=True)
class Bench:
    """What every part works with."""

    devices: tuple[Device, ...]
    kernelbench: Installation
    tasks: tuple[Task, ...]
    repeats: int


@contextmanager
def fresh_cache() -> Iterator[None]:
    """Builds go to a folder of their own, so that nothing is built already."""
    before = os.environ.get("CAESAR_CACHE")
    with tempfile.TemporaryDirectory(prefix="caesar-cold-") as folder:
        os.environ["CAESAR_CACHE"] = folder
        try:
            yield
        finally:
            os.environ.pop("CAESAR_CACHE")
            if before is not None:
                os.environ["CAESAR_CACHE"] = before


def opened(bench: Bench) -> AbstractAsyncContextManager[Machinery]:
    return machinery(bench.devices, Backend.CUDA, kernelbench=bench.kernelbench)


async def build(machine: Machinery, task: Task) -> tuple[Built, float]:
    began = time.perf_counter()
    built = await machine.builder.build(
        Build(task.request, task.candidate, backend=Backend.CUDA, limits=LIMITS, problem=task.problem)
    )
    if built.artifact is None:
        raise SystemExit(f"{task.name} could not be built: {built.reason}\n{built.log[-3000:]}")
    return built, time.perf_counter() - began


async def evaluate(
    machine: Machinery, task: Task, artifact: str, *, judge: JudgeKind
) -> tuple[Evaluated, float]:
    """The evaluation, and the seconds from the lease to the device's return."""
    effect = Evaluate(
        task.request,
        task.problem,
        candidate=task.candidate,
        artifact=artifact,
        backend=Backend.CUDA,
        settings=EvaluationSettings(judge=judge),
        limits=LIMITS,
    )
    grant = await machine.devices.acquire(task.request.id)
    began = time.perf_counter()
    try:
        return await machine.evaluator.evaluate(effect, grant), time.perf_counter() - began
    finally:
        await machine.devices.release(grant)


def told(task: Task, who: str, evaluation: Evaluation) -> list[Measure]:
    """What an evaluation came to; a candidate that did not pass is a failed measure."""
    passed = Measure(
        f"{task.name} {who}: passed",
        float(evaluation.verdict == "passed"),
        "",
        1.0,
        evaluation.verdict == "passed",
    )
    if evaluation.timing is None:
        return [
            Measure(f"{task.name} {who}: {evaluation.verdict} ({evaluation.reason})", 0.0, "", 1.0, met=False)
        ]
    split = [
        Measure(f"{task.name} {who}: of it {name}", seconds, "s")
        for name, seconds in evaluation.environment.seconds.items()
    ]
    speedup = (
        [] if evaluation.speedup is None else [Measure(f"{task.name} {who}: speedup", evaluation.speedup, "x")]
    )
    return [passed, *split, Measure(f"{task.name} {who}: median", evaluation.timing.median_ms, "ms"), *speedup]


async def ours(bench: Bench) -> list[Measure]:
    measures: list[Measure] = []
    with fresh_cache():
        async with opened(bench) as machine:
            for task in bench.tasks:
                built, build_s = await build(machine, task)
                evaluated, first_s = await evaluate(machine, task, built.artifact or "", judge=JudgeKind.CAESAR)
                measures.append(
                    at_most(
                        f"{task.name} ours: cold, build and evaluation", build_s + first_s, "s", target=COLD_S
                    )
                )
                measures.append(Measure(f"{task.name} ours: of it the build", build_s, "s"))
                measures += await warm(machine, task, bench.repeats)
                measures += told(task, "ours", evaluated.evaluation)
    return measures


async def warm(machine: Machinery, task: Task, repeats: int) -> list[Measure]:
    """The built candidate once more: the first with a judge of its own, the next ones with that judge."""
    await machine.evaluator.close()
    taken = []
    for _ in range(1 + repeats):
        built, build_s = await build(machine, task)
        _, seconds = await evaluate(machine, task, built.artifact or "", judge=JudgeKind.CAESAR)
        taken.append(build_s + seconds)
    first, *more = taken
    target = TARGETS_S.get(task.name)
    name = f"{task.name} ours: built"
    measures = [Measure(name, first, "s") if target is None else at_most(name, first, "s", target=target)]
    measures.append(Measure(f"{name}, judge at hand, median", sorted(more)[len(more) // 2], "s"))
    if len(more) > 1:
        measures.append(Measure(f"{name}, judge at hand, p95", p95(more), "s"))
    if task.name in CITED_S:
        measures.append(
            Measure(
                f"{name}: times as fast as KernelBench's {CITED_S[task.name]:g} s",
                CITED_S[task.name] / first,
                "x",
            )
        )
    return measures


async def kernelbench(bench: Bench) -> list[Measure]:
    """Both in one lease after the other, and whether they agree on the time."""
    measures: list[Measure] = []
    async with opened(bench) as machine:
        for task in bench.tasks:
            built, _ = await build(machine, task)
            artifact = built.artifact or ""
            theirs, seconds = await evaluate(machine, task, artifact, judge=JudgeKind.KERNELBENCH)
            mine, own_s = await evaluate(machine, task, artifact, judge=JudgeKind.CAESAR)
            measures.append(Measure(f"{task.name} KernelBench's: built", seconds, "s"))
            measures.append(Measure(f"{task.name} KernelBench's: times ours", seconds / own_s, "x"))
            measures += told(task, "KernelBench's", theirs.evaluation)
            measures += agreement(task, mine.evaluation, theirs.evaluation)
    return measures


def agreement(task: Task, mine: Evaluation, theirs: Evaluation) -> list[Measure]:
    same = mine.verdict == theirs.verdict
    measures = [Measure(f"{task.name}: verdicts agree", float(same), "", 1.0, met=same)]
    said = theirs.kernelbench
    if mine.timing is None or said is None or said.runtime_ms is None:
        return measures
    apart_ms = abs(mine.timing.median_ms - said.runtime_ms)
    allowed_ms = 0.03 * said.runtime_ms + (0.010 if said.runtime_ms < 1 else 0.0)
    return [
        *measures,
        at_most(f"{task.name}: our median from KernelBench's mean", apart_ms, "ms", target=allowed_ms),
    ]


async def cold(bench: Bench) -> list[Measure]:
    """KernelBench's evaluator without anything built: it compiles under the lease."""
    measures: list[Measure] = []
    async with opened(bench) as machine:
        for task in bench.tasks:
            theirs, seconds = await evaluate(machine, task, "", judge=JudgeKind.KERNELBENCH)
            measures.append(Measure(f"{task.name} KernelBench's: cold", seconds, "s"))
            measures += told(task, "KernelBench's, cold", theirs.evaluation)
    return measures


async def sixteen(bench: Bench) -> list[Measure]:
    """Sixteen candidates at once: builds side by side, evaluations one after the other."""
    first = bench.tasks[-1]
    tasks = [first.different(number) for number in range(16)]
    with fresh_cache():
        async with opened(bench) as machine:
            began = time.perf_counter()
            lane = asyncio.Semaphore(len(os.sched_getaffinity(0)))
            device = asyncio.Lock()

            async def one(task: Task) -> Evaluation:
                async with lane:
                    built, _ = await build(machine, task)
                async with device:
                    evaluated, _ = await evaluate(machine, task, built.artifact or "", judge=JudgeKind.CAESAR)
                return evaluated.evaluation

            found = await asyncio.gather(*map(one, tasks))
            seconds = time.perf_counter() - began
    passed = sum(evaluation.verdict == "passed" for evaluation in found)
    name = f"16 different candidates of {first.name}, cold"
    return [
        at_most(name, seconds, "s", target=SIXTEEN_S),
        Measure(f"{name}: passed", float(passed), "", 16.0, met=passed == 16),
    ]


PARTS = {"ours": ours, "kernelbench": kernelbench, "cold": cold, "sixteen": sixteen}


def options() -> argparse.Namespace:
    asked = parser(__doc__)
    asked.formatter_class = argparse.RawDescriptionHelpFormatter
    asked.add_argument("--parts", default="ours,kernelbench", help="a list of ours, kernelbench, cold, sixteen")
    asked.add_argument(
        "--candidates", default="L1_19,L1_36,L2_12", help="files of candidates/kernelbench, or all"
    )
    asked.add_argument("--repeats", type=int, default=3, help="evaluations with the judge at hand")
    asked.add_argument("--device", default="0", help="which GPU, by index or UUID")
    return asked.parse_args()


def prepared(asked: argparse.Namespace) -> Bench:
    root = os.environ.get("KERNELBENCH_ROOT")
    if not root:
        raise SystemExit("set KERNELBENCH_ROOT to a checkout of KernelBench")
    if backend_of(None) is not Backend.CUDA:
        raise SystemExit("this benchmark takes a GPU")
    known = sorted(path.stem for path in CANDIDATES.glob("*.py"))
    names: Sequence[str] = known if asked.candidates == "all" else asked.candidates.split(",")
    installation = kernelbench_for(JudgeKind.BOTH, Backend.CUDA, root=Path(root))
    assert installation is not None
    devices = choose_devices(Backend.CUDA, (asked.device,))
    return Bench(devices, installation, tuple(Task.named(name, Path(root)) for name in names), asked.repeats)


async def measured(bench: Bench, parts: Sequence[str]) -> list[Measure]:
    return [measure for part in parts for measure in await PARTS[part](bench)]


def main() -> None:
    asked = options()
    parts = asked.parts.split(",")
    unknown = set(parts) - PARTS.keys()
    if unknown:
        raise SystemExit(f"no part {min(unknown)}; there are {', '.join(PARTS)}")
    bench = prepared(asked)
    sys.stderr.write(f"{bench.devices[0].name}, {bench.kernelbench.version}\n")
    report(asyncio.run(measured(bench, parts)), as_json=asked.json)


if __name__ == "__main__":
    main()
