"""How fast recorded runs are derived again: turns per second, all of them equal, nothing touched.

The store is made first, by the engine with scripted completions, builds and evaluations: some 14 events
and 6 KB of new text each turn, the whole history in every prompt's last turns. Then `caesar replay`'s own
code replays it; afterwards one word of a template is changed, and the first prompt that differs is named.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from measures import Measure, at_least, parser, report

from caesar.builders.scripted import ScriptedBuilder
from caesar.cli.replay import ReplayOptions, replay_run
from caesar.devices.fake import MemoryDevicePool
from caesar.domain import Problem, Usage
from caesar.effects import Backend, Generate, Generated
from caesar.engine.clock import SystemClock
from caesar.engine.lanes import Capacity, Lanes
from caesar.engine.plan import Configuration, fold_run, members, started
from caesar.engine.replay import replay
from caesar.engine.resume import pinned
from caesar.engine.scheduler import RunStream, run_all
from caesar.engine.today import today
from caesar.engine.world import World
from caesar.evaluators.scripted import ScriptedEvaluator
from caesar.fsm.machine import compile_machine
from caesar.fsm.spec import load
from caesar.prompts.render import Templates, shipped
from caesar.stores.eventlog import SqliteEventLog

TURNS = 10
SPEC = f"""
caesar: 1
name: replayed
problems: {{suite: starter}}
model: {{name: scripted}}
budget: {{turns: {TURNS}}}
context: {{history: last, show: [candidate, build_log, verdict, mismatch, runtime, baseline]}}
"""
SOURCE = "class Model: ...\ndef get_inputs(): ...\ndef get_init_inputs(): ...\n" * 20
MARKERS = ("build_failed", "incorrect", "crashed", "passed 0.5", "passed")
LINE = "    value_{} = torch.empty_like(x)  # {} of trajectory {}\n"


class FreshModel:
    """Completes every prompt with a candidate of some 2.5 KB that nobody has seen before."""

    provenance = "made for a benchmark"

    def preflight(self) -> None:
        """Nothing can be missing."""

    async def generate(self, generate: Generate) -> Generated:
        """The turn's own candidate, failing or passing in turn."""
        turn = generate.request.turn
        lines = "".join(LINE.format(at, turn, generate.request.stream) for at in range(28))
        marker = MARKERS[turn % len(MARKERS)]
        source = f"# caesar: {marker}\nclass ModelNew:\n  def forward(self, x):\n{lines}"
        return Generated(
            f"Thinking.\n```python\n{source}\n```\nThat should do.\n", Usage(1000, 700), "scripted"
        )


def configuration(trajectories: int) -> Configuration:
    problems = tuple(Problem("starter", str(at), f"p{at}", SOURCE + f"# {at}\n") for at in range(1, 11))
    spec = replace(load(SPEC, file="replay.yaml"), samples=trajectories // len(problems), backend=Backend.CPU)
    return Configuration("replayed", "default", spec, problems, shipped(), "scripted-1", "0", "scripted")


async def record(log: SqliteEventLog, trajectories: int, clock: SystemClock) -> None:
    asked = configuration(trajectories)
    stream = RunStream(log, "RUN", version=0)
    texts = (asked.spec_text, *asked.templates.values(), *(problem.source for problem in asked.problems))
    run = fold_run(await stream.append(started(asked, run="RUN"), texts=texts))
    world = World(
        log=log,
        model=FreshModel(),
        builder=ScriptedBuilder(),
        evaluator=ScriptedEvaluator(),
        devices=MemoryDevicePool(64),
        clock=clock,
        spec=asked.spec,
        machine=compile_machine(asked.spec),
        templates=Templates(asked.templates),
        problems={problem.id: problem for problem in asked.problems},
        backend=Backend.CPU,
        lanes=Lanes(200, *(Capacity(200).share(1) for _ in range(3))),
        device_name="scripted",
    )
    await run_all(world, run, members(run, seed=0), stream=stream)


def make_store(path: Path, trajectories: int) -> float:
    """Record the run; the seconds it took."""
    clock, began = SystemClock(), time.perf_counter()
    with SqliteEventLog.open(path, clock_us=clock.now_us) as log:
        asyncio.run(record(log, trajectories, clock))
    return time.perf_counter() - began


def first_difference(path: Path) -> str:
    """What replaying one trajectory says after one word of a template was changed."""
    texts = shipped()
    texts["turn_feedback.j2"] = texts["turn_feedback.j2"].replace("came", "became")
    with SqliteEventLog.open(path, clock_us=lambda: 0, read_only=True) as log:
        run = fold_run(log.read("RUN"))
        now = today(run, pinned(run, log.texts), spec=None, templates=texts)
        divergence = replay(now, "RUN/1/0", read=log.read, texts=log.texts).divergence
    return "none" if divergence is None else f"{divergence.kind}, turn {divergence.turn}: {divergence.field}"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--trajectories", type=int, default=1000, help="a multiple of 10")
    options.add_argument("--store", type=Path, help="keep the store here, and use it if it is there")
    given = options.parse_args()
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        path = given.store or folder / "replay.db"
        made = 0.0 if path.exists() else make_store(path, given.trajectories)
        cpu, wall = sum(os.times()[:4]), time.perf_counter()
        replayed, damaged = replay_run(ReplayOptions(path, "RUN"))
        wall, cpu = time.perf_counter() - wall, sum(os.times()[:4]) - cpu
        named = first_difference(path)
    turns = sum(one.turns for one in replayed)
    equal = sum(one.divergence is None for one in replayed) / (len(replayed) + len(damaged))
    rate = turns / wall
    report(
        (
            at_least("replayed turns per second", round(rate, 1), "1/s", target=2000.0),
            at_least("share of trajectories that are equal", equal, "", target=1.0),
            Measure("CPU per turn, both cores together", round(cpu / turns * 1e6, 1), "us"),
            Measure("events per turn", round(sum(one.events for one in replayed) / turns, 1), "events"),
            Measure(
                f"first difference named ({named})",
                float(named.startswith("generation")),
                "",
                1.0,
                met=named.startswith("generation"),
            ),
            Measure("making the store", round(made, 1), "s"),
        ),
        as_json=given.json,
    )


if __name__ == "__main__":
    main()
