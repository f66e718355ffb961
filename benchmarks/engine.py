"""The engine's own work: CPU per event of whole trajectories over a real store, all else scripted.

CPU is that of the process, all threads, as the slope between N and 2N trajectories, so that starting,
opening and rendering the first prompt don't count. Deciding, rendering prompts and feedback,
extracting, encoding, hashing, compressing, appending and folding do.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from measures import Measure, at_most, p95, parser, report

from caesar.builders.scripted import ScriptedBuilder
from caesar.devices.fake import MemoryDevicePool
from caesar.effects import Backend
from caesar.engine.clock import SystemClock
from caesar.engine.lanes import Capacity, Lanes
from caesar.engine.plan import Configuration, fold_run, members, started
from caesar.engine.scheduler import RunStream, run_all
from caesar.engine.world import World
from caesar.evaluators.scripted import ScriptedEvaluator
from caesar.fsm.machine import compile_machine
from caesar.fsm.spec import load
from caesar.models.scripted import ScriptedModel
from caesar.problems.suites import load_suite
from caesar.prompts.render import Templates, shipped
from caesar.stores.eventlog import SqliteEventLog

TRAJECTORIES = 50
TURNS = 5
REPEATS = 5
CODE = "import torch\n" + "# a line of a kernel that is neither long nor short\n" * 60 + "class ModelNew: ...\n"


async def run(samples: int, folder: Path) -> int:
    """Run so many trajectories; how many events they recorded."""
    spec = load((files("caesar") / "specs" / "all_prev.yaml").read_text(), file="all_prev.yaml")
    spec = replace(spec, samples=samples, budget=replace(spec.budget, turns=TURNS))
    problem = load_suite("starter", kernelbench=None, relative_to=folder).problems[0]
    configuration = Configuration(
        "bench", "bench", spec, (problem,), shipped(), evaluator="1", caesar="0", device_name="none"
    )
    clock = SystemClock()
    with SqliteEventLog.open(folder / f"{samples}.db", clock_us=clock.now_us) as log:
        stream = RunStream(log, "RUN", version=0)
        texts = (configuration.spec_text, *configuration.templates.values(), problem.source)
        await stream.append(started(configuration, run="RUN"), texts=texts)
        completions = [f"```python\n# turn {turn}\n{CODE}```\n" for turn in range(TURNS)]
        world = World(
            log=log,
            model=ScriptedModel(completions),
            builder=ScriptedBuilder(),
            evaluator=ScriptedEvaluator(),
            devices=MemoryDevicePool(4),
            clock=clock,
            spec=spec,
            machine=compile_machine(spec),
            templates=Templates(shipped()),
            problems={problem.id: problem},
            backend=Backend.CPU,
            lanes=Lanes(256, *(Capacity(limit).share(1) for limit in (16, 2, 4))),
            device_name="none",
        )
        folded = fold_run(log.read("RUN"))
        await run_all(world, folded, members(folded, seed=0), stream=stream)
        return sum(len(log.read(name)) for name in log.streams())


def cost(samples: int) -> tuple[int, float]:
    """Events and CPU seconds of one run."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        events = asyncio.run(run(samples, Path(folder)))
        return events, time.process_time() - began


def slope() -> float:
    """Milliseconds of CPU per further event."""
    few, few_s = cost(TRAJECTORIES)
    many, many_s = cost(2 * TRAJECTORIES)
    return 1000 * (many_s - few_s) / (many - few)


def main() -> None:
    options = parser(__doc__).parse_args()
    slopes = [slope() for _ in range(REPEATS)]
    measures = (
        at_most("engine, CPU per event, median", statistics.median(slopes), "ms", target=0.25),
        Measure("engine, CPU per event, p95", p95(slopes), "ms"),
    )
    report(measures, as_json=options.json)


if __name__ == "__main__":
    main()
