"""Whole passes of the engine in which one process is killed at a random instant: what is lost, what is wrong.

Every pass judges two candidates on each of two CPU devices: real locks, a real zygote, real judges and
candidates' processes, the log in memory. Meanwhile the zygote, a judge, a candidate's process or the
keeper of either gets SIGKILL. A pass is whole when every trajectory has finished, every request has
exactly one end for each attempt and one answer, every lease was given back, both devices can be had,
and no process, in the tree or out of it, and no folder is left. A verdict is right when it is the candidate's
own; one more is right where the candidate's own process was killed: that it crashed by signal 9. Where its
keeper was, the same is said, since without a box nobody can tell that from a candidate that did it: counted.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path

from measures import Measure, at_most, parser, report

from caesar.builders.scripted import ScriptedBuilder
from caesar.devices.inventory import Device
from caesar.devices.pool import LockedDevicePool
from caesar.devices.processes import MARK, marked, this_process
from caesar.domain import Problem, Verdict
from caesar.effects import Backend, EvaluationSettings
from caesar.engine.clock import SystemClock
from caesar.engine.lanes import Capacity, Lanes
from caesar.engine.plan import Configuration, fold_run, members, started
from caesar.engine.scheduler import RunStream, Tally, run_all
from caesar.engine.world import World
from caesar.evaluators.local import LocalEvaluator
from caesar.events import Envelope, EvaluationCompleted, EvaluationFaulted, LeaseGranted, LeaseReleased, decode
from caesar.fsm.machine import compile_machine
from caesar.fsm.spec import Spec, load
from caesar.models.scripted import ScriptedModel
from caesar.prompts.render import Templates, shipped
from caesar.sandbox.zygote import Zygote
from caesar.stores.memory import MemoryEventLog

REFERENCE = """\
import torch


class Model(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.linear = torch.nn.Linear(size, size)

    def forward(self, x):
        return torch.relu(self.linear(x))


def get_inputs():
    return [torch.rand(4, 8) - 0.5]


def get_init_inputs():
    return [8]
"""
RIGHT = REFERENCE.replace("class Model(", "class ModelNew(")
WRONG = RIGHT.replace("torch.relu(self.linear(x))", "self.linear(x)")
STORY = ((WRONG, Verdict.INCORRECT), (RIGHT, Verdict.PASSED))
"""What the model answers turn by turn, and what becomes of it."""

DEVICES = (Device("cpu:0", "a CPU"), Device("cpu:1", "a CPU"))
QUICK = EvaluationSettings(correctness_trials=2, timing_trials=3, timing_s=0.05)
NOBODY = "nobody"
VICTIMS = ("zygote", "judge", "candidate", "any")
FIRST_S = 3.0
"""What the first pass may take; later ones take what the last ones took. Who would be killed later, is not."""


@dataclass
class Count:
    """What went wrong in all passes together."""

    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    blamed: int = 0
    """Candidates said to have crashed where their keeper was killed; without a box they may do that."""
    wrong: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    lost_events: list[str] = field(default_factory=list)
    lost_devices: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    pass_s: list[float] = field(default_factory=list)


@dataclass
class Room:
    """What all passes share."""

    evaluator: LocalEvaluator
    pool: LockedDevicePool
    scratch: Path
    spec: Spec


async def one_pass(room: Room, chance: random.Random, count: Count) -> None:
    """Run everything once, kill one process meanwhile, and look at what is there afterwards."""
    log, began = MemoryEventLog(SystemClock().now_us), time.monotonic()
    within_s = max(count.pass_s[-3:], default=FIRST_S)
    killing = asyncio.create_task(kill(room, chance, within_s=within_s))
    tally = await run(room, log)
    count.pass_s.append(time.monotonic() - began)
    killing.cancel()
    (killed,) = await asyncio.gather(killing, return_exceptions=True)
    victim = killed if isinstance(killed, str) else NOBODY
    count.kills[victim] += 1
    if tally.finished != len(DEVICES):
        count.unfinished.append(f"{victim}: {tally}")
    for stream in (name for name in log.streams() if "/" in name):
        look_at(log.read(stream), count, victim=victim)
    await look_around(room, count, victim=victim)


async def run(room: Room, log: MemoryEventLog) -> Tally:
    """The engine's whole pass."""
    problems = tuple(Problem("kills", str(number), "relu", REFERENCE) for number in range(len(DEVICES)))
    configuration = Configuration(
        "kills", "kills", room.spec, problems, shipped(), evaluator="2", caesar="0", device_name="none"
    )
    stream = RunStream(log, "RUN", version=0)
    texts = (configuration.spec_text, *configuration.templates.values(), REFERENCE)
    await stream.append(started(configuration, run="RUN"), texts=texts)
    world = World(
        log=log,
        model=ScriptedModel([f"```python\n{source}```\n" for source, _ in STORY]),
        builder=ScriptedBuilder(),
        evaluator=room.evaluator,
        devices=room.pool,
        clock=SystemClock(),
        spec=room.spec,
        machine=compile_machine(room.spec),
        templates=Templates(shipped()),
        problems={problem.id: problem for problem in problems},
        backend=Backend.CPU,
        lanes=Lanes(4, *(Capacity(4).share(1) for _ in range(3))),
        device_name="none",
    )
    folded = fold_run(log.read("RUN"))
    return await run_all(world, folded, members(folded, seed=0), stream=stream)


async def kill(room: Room, chance: random.Random, *, within_s: float) -> str:
    """Kill one process, once there is one of the kind; the part that it played."""
    victim = chance.choice(VICTIMS)
    await asyncio.sleep(chance.uniform(0, within_s))
    while True:
        playing = parts(room.scratch)
        found = [pid for pid, part in playing.items() if victim in (part, "any")]
        if found:
            pid = chance.choice(found)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return playing[pid]
        await asyncio.sleep(0.005)


def parts(scratch: Path) -> dict[int, str]:
    """The living processes below this one, and which part each plays: the zygote, a job's keeper, a job's."""
    playing: dict[int, str] = {}
    for zygote in children(os.getpid()):
        playing[zygote] = "zygote"
        for keeper in children(zygote):
            below = descendants(keeper)
            part = next(filter(None, (job_of(pid, scratch) for pid in below)), "starting job")
            playing[keeper] = f"{part}'s keeper"
            playing |= dict.fromkeys(below, part)
    return playing


def job_of(pid: int, scratch: Path) -> str | None:
    """Whether a process is a judge or a candidate, by the folder it is in."""
    try:
        folder = Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None
    jobs = {"judge": "judge-*", "candidate": "evaluation-*"}
    return next((job for job, name in jobs.items() if folder.match(f"{scratch}/{name}")), None)


def look_at(envelopes: Sequence[Envelope], count: Count, *, victim: str) -> None:
    """Whether a trajectory's events are whole, and its verdicts right."""
    stream, events = envelopes[0].stream, [decode(one.kind, one.v, one.body) for one in envelopes]
    if [envelope.version for envelope in envelopes] != list(range(1, len(envelopes) + 1)):
        count.lost_events.append(f"{stream}: a gap")
    asked = Counter((event.request, event.attempt) for event in events if event.kind.endswith("_requested"))
    ended = Counter(
        (event.request, event.attempt) for event in events if event.kind.endswith(("_completed", "_faulted"))
    )
    if asked != ended or set(asked.values()) != {1}:
        count.lost_events.append(f"{stream}: {asked - ended} without an end, {ended - asked} without a request")
    granted = Counter((event.device, event.token) for event in events if isinstance(event, LeaseGranted))
    released = Counter((event.device, event.token) for event in events if isinstance(event, LeaseReleased))
    if granted != released:
        count.lost_events.append(f"{stream}: {granted - released} not given back")
    count.faults.update(event.fault for event in events if isinstance(event, EvaluationFaulted))
    answers = [event for event in events if isinstance(event, EvaluationCompleted)]
    if len({answer.request for answer in answers}) != len(answers):
        count.lost_events.append(f"{stream}: a request with two answers")
    if len(answers) != len(STORY):
        count.lost_events.append(f"{stream}: {len(answers)} answers where {len(STORY)} were asked for")
    for answer, (_, verdict) in zip(answers, STORY, strict=False):
        if answer.evaluation.verdict is verdict:
            continue
        killed = (answer.evaluation.verdict, answer.evaluation.reason) == (Verdict.CRASHED, "signal:9")
        if killed and victim == "candidate's keeper":
            count.blamed += 1
        elif not (killed and victim == "candidate"):
            count.wrong.append(f"{victim} killed: {answer.evaluation.verdict} {answer.evaluation.reason}")


async def look_around(room: Room, count: Count, *, victim: str) -> None:
    """Whether both devices can be had, and nothing is left once they are vacated."""
    try:
        async with asyncio.timeout(10.0):
            grants = [await room.pool.acquire("look around") for _ in DEVICES]
    except TimeoutError:
        count.lost_devices.append(victim)
        return
    for grant in grants:
        await room.evaluator.vacate(grant.device)
        await room.pool.release(grant)
    zygote = set(children(os.getpid()))
    for _ in range(200):
        left = everyone() - zygote
        if not left:
            break
        await asyncio.sleep(0.05)
    if left or list(room.scratch.iterdir()):
        count.orphans.append(f"{victim}: {left} {[path.name for path in room.scratch.iterdir()]}")


def everyone() -> set[int]:
    """The zygote and whatever was started by it, in its tree or not any more."""
    return {*descendants(os.getpid()), *marked(this_process())} - {os.getpid()}


def descendants(of: int) -> list[int]:
    """Every living process below one."""
    return [pid for child in children(of) for pid in (child, *descendants(child))]


def children(of: int) -> list[int]:
    """A process's children that have not ended, zombies left out."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{of}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return [pid for pid in found if not has_ended(pid)]


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


async def passes(number: int, *, seed: str) -> Count:
    """As many passes as it takes for so many kills."""
    chance, count = random.Random(seed), Count()
    spec = load((files("caesar") / "specs" / "last_only.yaml").read_text(), file="last_only.yaml")
    spec = replace(spec, budget=replace(spec.budget, turns=len(STORY)), evaluation=QUICK)
    preload = ("torch", "caesar.evaluators.judge", "caesar.evaluators.candidate")
    marks = {**os.environ, MARK: this_process().mark}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as locks:
        async with Zygote(preload=preload, env=marks) as zygote:
            evaluator = LocalEvaluator(zygote=zygote, scratch=Path(folder), device_names={})
            async with LockedDevicePool(DEVICES, folder=Path(locks), vacate=evaluator.vacate) as pool:
                room = Room(evaluator, pool, Path(folder), spec)
                while sum(count.kills.values()) - count.kills[NOBODY] < number:
                    await one_pass(room, chance, count)
                    sys.stderr.write(f"{len(count.pass_s)} passes: {dict(count.kills)}\n")
            await evaluator.close()
    if left := everyone():
        count.orphans.append(f"at the end: {left}")
    return count


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=20, help="how many kills, one in a pass at most")
    options.add_argument("--seed", default="kills", help="what victims and instants follow from")
    chosen = options.parse_args()
    count = asyncio.run(passes(chosen.count, seed=chosen.seed))
    failures = {
        "wrong verdicts": count.wrong,
        "unfinished trajectories": count.unfinished,
        "lost or doubled events": count.lost_events,
        "lost devices": count.lost_devices,
        "orphans": count.orphans,
    }
    measures = [
        Measure("kills, passes", float(len(count.pass_s)), ""),
        *(
            Measure(f"kills, killed: {victim}", float(times), "")
            for victim, times in sorted(count.kills.items())
        ),
        *(Measure(f"kills, faults: {kind}", float(times), "") for kind, times in sorted(count.faults.items())),
        Measure("kills, crashes told of candidates whose keeper was killed", float(count.blamed), ""),
        Measure("kills, longest pass", max(count.pass_s), "s"),
        *(at_most(f"kills, {name}", float(len(found)), "", target=0.0) for name, found in failures.items()),
    ]
    report(measures, as_json=chosen.json)
    for name, found in failures.items():
        for what in found:
            sys.stderr.write(f"{name}: {what}\n")
    sys.exit(any(failures.values()))


if __name__ == "__main__":
    main()
