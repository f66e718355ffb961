"""What a box costs: from a request to the first line of a target, torch loaded, in each tier that holds.

Where there is a GPU, also until a process as candidates have it has computed there.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from measures import Measure, at_most, p95, parser, report

from caesar.cli.machinery import preloaded
from caesar.devices.inventory import inventory, nodes_of
from caesar.effects import Backend
from caesar.evaluators.boxes import candidate_box
from caesar.sandbox.box import Box, Tier
from caesar.sandbox.job import Job
from caesar.sandbox.probe import probe
from caesar.sandbox.program import TARGET, program
from caesar.sandbox.zygote import Zygote

JOBS = 40
MIB = 1 << 20
CLOCK = "caesar.sandbox.probing:arrive"
GPU_CLOCK = "caesar.sandbox.probing:arrive_on_the_gpu"
GPU_JOBS = 20
BOXES = {
    "none": Box(),
    "process": Box(Tier.PROCESS),
    "namespace": Box(Tier.NAMESPACE, disk_bytes=64 * MIB),
    "namespace, memory and processes bounded": Box(
        Tier.NAMESPACE, disk_bytes=64 * MIB, memory_bytes=1024 * MIB, processes=64
    ),
}


async def arrival_ms(
    zygote: Zygote, box: Box, *, target: str = CLOCK, env: Mapping[str, str] = MappingProxyType({})
) -> float:
    """From the request to what the target does before it replies, by the clock that all processes share."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        job = Job(target, b"", Path(folder), limit_s=60, output_bytes=MIB, box=box, env=env)
        ended = await zygote.run(job)
    return 1e3 * (float(ended.replies[0]) - began)


async def whole_ms(zygote: Zygote, box: Box) -> float:
    """A job that runs another program, until nothing of it is left."""
    with tempfile.TemporaryDirectory() as folder:
        job = Job(TARGET, program(["true"]), Path(folder), limit_s=60, output_bytes=MIB, box=box)
        return 1e3 * (await zygote.run(job)).seconds


async def measured() -> list[Measure]:
    measures = []
    async with Zygote(env=os.environ) as zygote:
        for name, box in BOXES.items():
            if box.tier is not Tier.NONE and (await probe(zygote, tiers=(box.tier,))).tier is not box.tier:
                continue
            arrivals = [await arrival_ms(zygote, box) for _ in range(JOBS)]
            measures += [
                at_most(f"{name}: request to target, median", statistics.median(arrivals), "ms", target=100.0),
                Measure(f"{name}: request to target, p95", p95(arrivals), "ms"),
                Measure(f"{name}: /bin/true, all of it, median of 10", await median_whole(zygote, box), "ms"),
            ]
    return measures


async def measured_on_a_gpu() -> list[Measure]:
    """The same for a candidate's process in the strictest tier that works, until it has computed."""
    first = inventory(environ=os.environ)[0]
    if first.arch is None:
        return []
    nodes, env = nodes_of(first), {"CUDA_VISIBLE_DEVICES": first.id}
    async with Zygote(preload=preloaded(Backend.CUDA), env=os.environ) as zygote:
        tier = (await probe(zygote, devices=nodes, env=env)).tier
        box = candidate_box(tier, reads=(), devices=nodes, processes=64)
        ready = [await arrival_ms(zygote, box, target=GPU_CLOCK, env=env) for _ in range(GPU_JOBS)]
    name = f"{tier.value}: request to a candidate's process ready on {first.name}"
    return [
        at_most(f"{name}, median", statistics.median(ready), "ms", target=600.0),
        Measure(f"{name}, p95", p95(ready), "ms"),
    ]


async def everything() -> list[Measure]:
    return [*await measured(), *await measured_on_a_gpu()]


async def median_whole(zygote: Zygote, box: Box) -> float:
    return statistics.median([await whole_ms(zygote, box) for _ in range(10)])


def main() -> None:
    options = parser(__doc__).parse_args()
    report(asyncio.run(everything()), as_json=options.json)


if __name__ == "__main__":
    main()
