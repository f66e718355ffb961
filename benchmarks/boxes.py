"""What a box costs: from a request to the first line of a target, torch loaded, in each tier that holds."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from measures import Measure, at_most, p95, parser, report

from caesar.sandbox.box import Box, Tier
from caesar.sandbox.job import Job
from caesar.sandbox.probe import probe
from caesar.sandbox.program import TARGET, program
from caesar.sandbox.zygote import Zygote

JOBS = 40
MIB = 1 << 20
CLOCK = "caesar.sandbox.probing:arrive"
BOXES = {
    "none": Box(),
    "process": Box(Tier.PROCESS),
    "namespace": Box(Tier.NAMESPACE, disk_bytes=64 * MIB),
    "namespace, memory and processes bounded": Box(
        Tier.NAMESPACE, disk_bytes=64 * MIB, memory_bytes=1024 * MIB, processes=64
    ),
}


async def arrival_ms(zygote: Zygote, box: Box) -> float:
    """From the request to the target, by the clock that all processes share."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        ended = await zygote.run(Job(CLOCK, b"", Path(folder), limit_s=60, output_bytes=MIB, box=box))
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


async def median_whole(zygote: Zygote, box: Box) -> float:
    return statistics.median([await whole_ms(zygote, box) for _ in range(10)])


def main() -> None:
    options = parser(__doc__).parse_args()
    report(asyncio.run(measured()), as_json=options.json)


if __name__ == "__main__":
    main()
