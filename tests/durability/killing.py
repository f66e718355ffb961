"""Kills runs in the middle and takes them up again, in child processes forked from this one.

    python killing.py boundaries FOLDER COUNT    SIGKILL at so many event boundaries, evenly spread (0: at all)
    python killing.py instants FOLDER COUNT      SIGKILL at random instants, eight trajectories in flight

One line of JSON for each kill: where, and what differs from the run that nobody killed (nothing, it is to be).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "engine"))

from worlds import Setup, completion, with_turns

from caesar.domain import Problem
from caesar.effects import Generate, Generated
from caesar.engine.clock import SystemClock
from caesar.engine.plan import fold_run
from caesar.errors import StoreError
from caesar.events import Envelope
from caesar.models.scripted import ScriptedModel
from caesar.ports import Append
from caesar.stores.eventlog import SqliteEventLog
from caesar.stores.verify import audit

SEED = 7
SOURCE = "class Model: ...\ndef get_inputs(): ...\ndef get_init_inputs(): ...\n"
STORY = (
    completion("build_failed"),
    completion("incorrect"),
    "no code",
    completion("crashed"),
    completion("passed"),
    completion("passed 0.5"),
)
VOLATILE = ("seconds", "held_s", "waited_s", "token", "attempt", "device", "retry_at_us", "cached", "spent")
TAKEN_UP = {"trajectory_resumed", "run_resumed"}
LOST = {"reply_unknown", "interrupted"}


@dataclass
class Killing:
    """A run in a store, which may end its process on the way."""

    folder: Path
    problems: int
    latency_s: float = 0.0

    @property
    def store(self) -> Path:
        return self.folder / "caesar.db"

    def run(self, *, appends: int | None = None) -> None:
        clock = SystemClock()
        setup = Setup(completions=STORY)
        setup.clock = clock
        setup.spec = with_turns(setup.spec, len(STORY))
        setup.problems = tuple(
            Problem("starter", str(at), f"p{at}", SOURCE) for at in range(1, self.problems + 1)
        )
        setup.model = CountingModel(self.folder / "asked", self.latency_s)
        with SqliteEventLog.open(self.store, clock_us=clock.now_us) as log:
            recorded = log.read("RUN")
            if recorded and fold_run(recorded).finished:
                return  # as `caesar run` has nothing to do
            setup.log = log if appends is None else KillingLog(log, appends)
            world = replace(setup.world(), lanes=replace(setup.world().lanes, trajectories=8))
            tally = asyncio.run(setup.run_in(world))
        assert tally.complete


class CountingModel:
    """Writes down every call before it answers, as a provider writes a bill."""

    provenance = "killed on the way"

    def __init__(self, bill: Path, latency_s: float) -> None:
        self._bill, self._latency_s = bill, latency_s
        self._model = ScriptedModel(STORY)

    def preflight(self) -> None:
        """Nothing can be missing."""

    async def generate(self, generate: Generate) -> Generated:
        with self._bill.open("a") as bill:
            bill.write(generate.request.id + "\n")
        await asyncio.sleep(self._latency_s * random.random())
        return await self._model.generate(generate)


class KillingLog:
    """Ends its process the moment so many appends were acknowledged."""

    def __init__(self, inner: SqliteEventLog, appends: int) -> None:
        self._inner, self._left = inner, appends

    async def append(self, append: Append) -> tuple[Envelope, ...]:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1
        done = await self._inner.append(append)
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


def in_a_child(work: Callable[[], None]) -> int:
    """Do the work in a forked process; its id."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException as error:  # noqa: BLE001 - a child must not go on as its parent
        sys.stderr.write(f"{error!r}\n")
        os._exit(1)
    os._exit(0)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def told(store: Path) -> dict[str, list[object]]:
    """What happened, without ids, times, and what a kill adds."""
    with SqliteEventLog.open(store, clock_us=lambda: 0, read_only=True) as log:
        return {stream: _story(log.read(stream)) for stream in log.streams()}


def _story(envelopes: tuple[Envelope, ...]) -> list[object]:
    kept: list[tuple[str, dict[str, object]]] = []
    for envelope in envelopes:
        body = json.loads(envelope.body)
        if envelope.kind in TAKEN_UP:
            continue
        if envelope.kind.endswith("_requested"):  # asked again: what came of it before was lost
            kept = [each for each in kept if each[1].get("request") != body["request"]]
        kept.append((envelope.kind, body))
    return sorted(map(_plain, kept), key=_heads_by_name) if _is_run(kept) else [_plain(each) for each in kept]


def _is_run(kept: list[tuple[str, dict[str, object]]]) -> bool:
    return bool(kept) and kept[0][0] == "run_started"


def _heads_by_name(told: list[object]) -> str:
    """The heads of a run come in the order in which its trajectories happened to end."""
    return json.dumps(told, sort_keys=True) if told[0] == "head_recorded" else f"!{told[0]}"


def _plain(each: tuple[str, dict[str, object]]) -> list[object]:
    kind, body = each
    if kind == "head_recorded":
        return [kind, body["stream"]]
    if "evaluation" in body:
        body = {**body, "evaluation": {**body["evaluation"], "environment": None}}
    return [kind, {key: value for key, value in body.items() if key not in VOLATILE}]


def paid_twice(folder: Path) -> list[str]:
    """Requests that were billed more often than the log accounts for: lost replies, and the one it has."""
    billed = Counter((folder / "asked").read_text().split("\n"))
    billed.pop("")
    accounted: Counter[str] = Counter()
    with SqliteEventLog.open(folder / "caesar.db", clock_us=lambda: 0, read_only=True) as log:
        for stream in log.streams("RUN/"):
            for envelope in log.read(stream):
                body = json.loads(envelope.body)
                if envelope.kind == "generation_completed" or body.get("fault") in LOST:
                    accounted[body["request"]] += 1
    return [request for request, count in billed.items() if count > accounted[request]]


def sound(store: Path) -> bool:
    """Whether nothing is damaged; a store killed before it was laid out holds nothing that could be."""
    try:
        return not store.exists() or audit(store).sound
    except StoreError as error:
        return "has nothing to read yet" in str(error)


def judged(killing: Killing, whole: dict[str, list[object]]) -> dict[str, object]:
    """What is wrong with a run that was killed, once it has been taken up again."""
    before = sound(killing.store)
    status = ended(in_a_child(killing.run))
    story = told(killing.store)
    differing = [stream for stream in whole if story.get(stream) != whole[stream]]
    return {
        "sound_when_killed": before,
        "resumed": status == 0,
        "differing": differing + [stream for stream in story if stream not in whole],
        "paid_twice": paid_twice(killing.folder),
        "sound": sound(killing.store),
    }


def whole_run(
    folder: Path, *, problems: int, latency_s: float = 0.0
) -> tuple[dict[str, list[object]], float, int]:
    """The run that nobody kills: its story, how long it took, and how often it appended."""
    killing = Killing(folder / "whole", problems, latency_s)
    killing.folder.mkdir(parents=True)
    began = time.monotonic()
    assert ended(in_a_child(killing.run)) == 0
    took = time.monotonic() - began
    return told(killing.store), took, sum(audit(killing.store).streams.values())


def tell(found: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def boundaries(folder: Path, count: int) -> None:
    whole, _, appends = whole_run(folder, problems=2)
    count = count or appends
    for number in range(count):
        at = number * appends // count
        killing = Killing(folder / f"boundary-{at}-{number}", problems=2)
        killing.folder.mkdir()
        status = ended(in_a_child(lambda killing=killing, at=at: killing.run(appends=at)))
        tell({"after": at, "killed": status == -signal.SIGKILL, **judged(killing, whole)})


def instants(folder: Path, count: int) -> None:
    draw = random.Random(SEED)
    whole, took, _ = whole_run(folder, problems=8, latency_s=0.05)
    kills = 0
    for number in range(3 * count):  # a run may have ended before it is killed, which is no kill
        killing = Killing(folder / f"instant-{number}", problems=8, latency_s=0.05)
        killing.folder.mkdir()
        after = draw.uniform(0.02, took)
        child = in_a_child(killing.run)
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        killed = ended(child) == -signal.SIGKILL
        took = took if killed else min(took, after)  # the whole run may have been slow
        tell({"after": after, "killed": killed, **judged(killing, whole)})
        kills += killed
        if kills == count:
            return


if __name__ == "__main__":
    {"boundaries": boundaries, "instants": instants}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
