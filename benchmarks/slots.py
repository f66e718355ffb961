"""Devices kept busy: evaluations per second on one slot and on two, and lease time that nobody accounts for.

Real evaluations of one small candidate on the CPU, in the same process model as a run's, on one slot of
half the cores and then on two such slots. On a machine of two cores both slots share what else runs
there, the supervisor included. How much more two busy processes get done than one is measured beside it:
where two cores are one core's threads, or a neighbour's, no two slots can do better. Then a candidate that
hangs: what it costs its device beyond its limit.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from multiprocessing import Process
from pathlib import Path
from statistics import median

from measures import Measure, at_least, at_most, cpu_of_children, parser, report

from caesar.cli.machinery import Machinery, machinery
from caesar.devices.inventory import Device, inventory
from caesar.domain import Candidate, Problem
from caesar.effects import Backend, Build, Evaluate, Evaluated, EvaluationSettings, Limits, Request
from caesar.engine.perform import condition_after

EVALUATIONS = 64
SPIN_ROUNDS, SPIN_TRIES = 100_000_000, 5
HANG_LIMIT_S = 5.0
REFERENCE = """
import torch
class Model(torch.nn.Module):
    def forward(self, x):
        return torch.relu(x @ x)
def get_inputs():
    return [torch.rand(256, 256)]
def get_init_inputs():
    return []
"""
PROBLEM = Problem("benchmark", "1", "matmul", REFERENCE)
SOUND = Candidate(REFERENCE.replace("class Model(", "class ModelNew("))
HANGING = Candidate(
    "import torch\nclass ModelNew(torch.nn.Module):\n    def forward(self, x):\n        while True: pass\n"
)
SETTINGS = EvaluationSettings(correctness_trials=3, timing_trials=50, timing_s=0.5)


async def judged(
    machine: Machinery, number: int, candidate: Candidate, limits: Limits
) -> tuple[Evaluated, float]:
    """One evaluation, built before its lease, and the seconds its device was held."""
    request = Request("benchmark/1/0", number, 0, "evaluate")
    built = await machine.builder.build(Build(request, candidate, Backend.CPU, limits))
    assert built.artifact is not None, built.log
    work = Evaluate(request, PROBLEM, candidate, built.artifact, Backend.CPU, SETTINGS, limits)
    grant = await machine.devices.acquire(request.id, affinity=PROBLEM.digest)
    evaluated = await machine.evaluator.evaluate(work, grant)
    return evaluated, await machine.devices.release(grant, condition=condition_after(evaluated))


async def throughput(devices: Sequence[Device], count: int) -> tuple[float, float]:
    """Evaluations per second once every device has its judge, and the share of lease time not accounted for."""
    async with machinery(devices, Backend.CPU) as machine:
        await judged(machine, 0, SOUND, Limits())
        await asyncio.gather(*(judged(machine, 0, SOUND, Limits()) for _ in devices))
        began = time.perf_counter()
        done = await asyncio.gather(*(judged(machine, 1 + n, SOUND, Limits()) for n in range(count)))
        seconds = time.perf_counter() - began
    held = sum(held_s for _, held_s in done)
    booked = sum(sum(evaluated.evaluation.environment.seconds.values()) for evaluated, _ in done)
    return count / seconds, 1 - booked / held


def measured_throughput(devices: Sequence[Device], count: int) -> tuple[float, float, float]:
    """The same, and the seconds of CPU by evaluations, all that is started once included."""
    before_s = cpu_of_children() + time.process_time()
    rate, unaccounted = asyncio.run(throughput(devices, count))
    spent_s = cpu_of_children() + time.process_time() - before_s
    return rate, unaccounted, spent_s / (count + 1 + len(devices))


def spinning(count: int) -> float:
    """Rounds of arithmetic per second by so many processes at once."""
    began = time.perf_counter()
    busy = [Process(target=sum, args=(range(SPIN_ROUNDS),)) for _ in range(count)]
    for process in busy:
        process.start()
    for process in busy:
        process.join()
    return count * SPIN_ROUNDS / (time.perf_counter() - began)


def ceiling() -> float:
    """What two processes that share nothing get done over what one does, the median of some tries."""
    return median(spinning(2) / spinning(1) for _ in range(SPIN_TRIES))


async def hang(device: Device) -> float:
    """Seconds from the grant of a candidate that hangs to the next grant, beyond its limit."""
    async with machinery((device,), Backend.CPU) as machine:
        began = time.perf_counter()
        await judged(machine, 1, HANGING, Limits(evaluate_s=HANG_LIMIT_S))
        await machine.devices.release(await machine.devices.acquire("next"))
        return time.perf_counter() - began - HANG_LIMIT_S


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--evaluations", type=int, default=EVALUATIONS)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CAESAR_LOCKS"] = str(Path(folder) / "locks")
        os.environ["CAESAR_CPU_SLOTS"] = "2"
        slots = inventory(environ={"CUDA_VISIBLE_DEVICES": ""}, cpu_slots=2)
        one, unaccounted_one, cpu_one = measured_throughput(slots[:1], chosen.evaluations)
        two, unaccounted_two, cpu_two = measured_throughput(slots, chosen.evaluations)
        most = ceiling()
        beyond = asyncio.run(hang(slots[0]))
    measures = (
        Measure("evaluations on one slot", one, "1/s"),
        Measure("evaluations on two slots", two, "1/s"),
        at_least("two slots over one", two / one, "x", target=1.8),
        Measure("two busy processes over one, in the same run", most, "x"),
        Measure("CPU by evaluations, one slot", cpu_one, "s"),
        Measure("CPU by evaluations, two slots", cpu_two, "s"),
        at_most("lease time unaccounted for, one slot", unaccounted_one, "", target=0.05),
        at_most("lease time unaccounted for, two slots", unaccounted_two, "", target=0.05),
        at_most("a hang beyond its limit, build included", beyond, "s", target=10.0),
    )
    report(measures, as_json=chosen.json)


if __name__ == "__main__":
    main()
