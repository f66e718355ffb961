"""`caesar run`: from a spec and a store to finished trajectories, and what is said on the way."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from caesar.cli.cluster import RAY, RayMachinery, ray_machinery
from caesar.cli.files import read_spec
from caesar.cli.live import Display, open_display
from caesar.cli.look import find_run
from caesar.cli.machinery import Machinery, machinery
from caesar.cli.options import RunOptions
from caesar.cli.output import counted, emit_json, note
from caesar.cli.prepare import Prepared, prepare
from caesar.cli.report import export_quietly
from caesar.domain import Problem, ulid
from caesar.effects import Backend
from caesar.engine.clock import SystemClock
from caesar.engine.lanes import Capacity, Lanes
from caesar.engine.memory import Memory
from caesar.engine.plan import Configuration, Run, extension, fold_run, members, started
from caesar.engine.scheduler import RunStream, Tally, require_ends, run_all
from caesar.engine.world import World
from caesar.errors import CaesarError, UsageError
from caesar.events import RunResumed
from caesar.fsm.machine import compile_machine
from caesar.fsm.overrides import setting
from caesar.fsm.spec import Concurrency, Spec, load
from caesar.problems.suites import load_suite, select
from caesar.prompts.render import Templates, shipped
from caesar.sandbox.folders import remove_abandoned
from caesar.stores.eventlog import SqliteEventLog

__all__ = ["INTERRUPTED", "run_command", "run_prepared"]

_MODEL_CALLS = 16
_TRAJECTORIES = 256
_BUILDS_A_CORE, _MOST_BUILDS_MORE = 4, 16
"""Compilers take turns at the cores (builders.capacity); builds also wait for what all share."""
INTERRUPTED = 130
"""The exit status of a run that was stopped before its end."""


def run_command(options: RunOptions) -> int:
    """Run or continue; the exit status."""
    return run_prepared(_prepare(options))


def run_prepared(prepared: Prepared) -> int:
    """Start the run, or continue the one of that name; the exit status."""
    clock = SystemClock()
    began_us = clock.now_us()
    name = prepared.configuration.name
    with SqliteEventLog.open(prepared.options.store, clock_us=clock.now_us) as log, log.own(name):
        # owned by name, since a new run has no id yet that a second process could know
        run_id = find_run(log, name) or ulid(clock.now_us(), secrets.token_bytes(10))
        tally = asyncio.run(_in_store(prepared, log, run_id, clock=clock))
    seconds = (clock.now_us() - began_us) / 1e6
    exported = export_quietly(prepared.options.store, run_id, to=prepared.options.root)
    _say_how_it_ended(prepared, run_id, tally, seconds=seconds, exported=exported)
    if tally is None:
        return INTERRUPTED
    return 0 if tally.complete else 1


def _prepare(options: RunOptions) -> Prepared:
    overrides = {**options.overrides, **dict(map(setting, options.settings))}
    from_flag = not overrides.keys().isdisjoint(("problems", "problems.suite"))
    spec = load(read_spec(options.spec), file=str(options.spec), overrides=overrides)
    return prepare(
        spec,
        _problems(spec, options, relative_to=Path.cwd() if from_flag else options.spec.resolve().parent),
        options.common,
        name=options.name or spec.name,
        group=options.group,
        templates=shipped(),
        record=options.record,
    )


def _problems(spec: Spec, options: RunOptions, *, relative_to: Path) -> tuple[Problem, ...]:
    suite = load_suite(spec.problems.suite, kernelbench=options.common.kernelbench, relative_to=relative_to)
    return select(suite, ids=spec.problems.ids, limit=spec.problems.limit)


async def _in_store(
    prepared: Prepared, log: SqliteEventLog, run_id: str, *, clock: SystemClock
) -> Tally | None:
    """How the run stands afterwards; None where it was stopped before it could say."""
    run, stream = await _taken_up(prepared.configuration, log, run_id)
    if run.finished:
        remove_abandoned()  # the process that finished it may have been killed right after that
        require_ends(run, {stream: version for stream, version, _ in log.heads(f"{run.id}/")})
        return Tally(finished=run.planned, suspended=0, running=0)
    texts = log.texts(tuple(run.templates.values()))
    templates = Templates({name: texts[digest] for name, digest in run.templates.items()})
    async with _opened(prepared) as machine:
        with open_display(run, total=run.planned, clock=clock) as display:
            world = _world(prepared, log, machine, templates=templates, clock=clock, display=display)
            return await _until_interrupted(world, run, stream)


def _opened(prepared: Prepared) -> AbstractAsyncContextManager[Machinery | RayMachinery]:
    """What builds and judges: this machine's, or a Ray cluster's."""
    isolation = prepared.configuration.spec.evaluation.isolation
    if prepared.devices == (RAY,):
        return ray_machinery(prepared.backend, isolation=isolation, version=prepared.configuration.evaluator)
    return machinery(
        prepared.devices,
        prepared.backend,
        isolation=isolation,
        kernelbench=prepared.kernelbench,
        exclusive=prepared.options.exclusive,
    )


async def _taken_up(configuration: Configuration, log: SqliteEventLog, run_id: str) -> tuple[Run, RunStream]:
    """The run as recorded, after recording that it starts, grows or goes on."""
    envelopes = log.read(run_id)
    stream = RunStream(log, run_id, version=len(envelopes))
    if not envelopes:
        texts = (
            configuration.spec_text,
            *configuration.templates.values(),
            *(problem.source for problem in configuration.problems),
        )
        opening = (started(configuration, run=run_id), configuration.forked)
        first = await stream.append(*(event for event in opening if event is not None), texts=texts)
        return fold_run(first), stream
    run = fold_run(envelopes)
    if configuration.forked is not None and configuration.forked != run.forked:
        raise UsageError(f"run {run.name} exists and is another fork, or none: give this one another --name")
    extended = extension(run, configuration, pinned_spec=log.texts([run.spec])[run.spec])
    if extended is not None:
        texts = (configuration.spec_text, *(problem.source for problem in configuration.problems))
        await stream.append(extended, RunResumed(configuration.caesar, configuration.device_name), texts=texts)
    elif not run.finished:
        await stream.append(RunResumed(configuration.caesar, configuration.device_name))
    return fold_run(log.read(run_id)), stream


def _world(
    prepared: Prepared,
    log: SqliteEventLog,
    machine: Machinery | RayMachinery,
    *,
    templates: Templates,
    clock: SystemClock,
    display: Display,
) -> World:
    spec = prepared.configuration.spec
    if isinstance(machine, RayMachinery):
        count, device_names = machine.count, frozenset[str]()  # each says its name when it was evaluated on
    else:
        count, device_names = len(prepared.devices), frozenset(device.name for device in prepared.devices)
    return World(
        log=log,
        model=prepared.model,
        builder=machine.builder,
        evaluator=machine.evaluator,
        devices=machine.devices,
        clock=clock,
        spec=spec,
        machine=compile_machine(spec),
        templates=templates,
        problems={problem.id: problem for problem in prepared.configuration.problems},
        backend=prepared.backend,
        lanes=_lanes(spec.concurrency, backend=prepared.backend, devices=count),
        device_name=prepared.configuration.device_name,
        memory=Memory(log, device_names=device_names),
        observe=display.observe,
    )


def _lanes(concurrency: Concurrency, *, backend: Backend, devices: int) -> Lanes:
    """As the spec says; on the CPU nothing is built while something is timed on its cores.

    On GPUs any number of evaluations may wait for a device at once: the pool gives those of one
    problem one after the other.
    """
    trajectories = concurrency.trajectories or _TRAJECTORIES
    cores = len(os.sched_getaffinity(0))
    builds = Capacity(concurrency.builds or min(_BUILDS_A_CORE * cores, cores + _MOST_BUILDS_MORE))
    slots = min(devices, concurrency.devices or devices)
    return Lanes(
        trajectories=trajectories,
        models=Capacity(concurrency.models or _MODEL_CALLS).share(1),
        builds=builds.share(1),
        devices=builds.share(at_once=slots)
        if backend is Backend.CPU
        else Capacity(concurrency.devices or trajectories).share(1),
    )


async def _until_interrupted(world: World, run: Run, stream: RunStream) -> Tally | None:
    """Run; the first interrupt lets what is in flight finish, the second ends it."""
    loop = asyncio.get_running_loop()
    work = loop.create_task(run_all(world, run, members(run, seed=world.spec.seed), stream=stream), name="run")

    def interrupt() -> None:
        if world.draining.is_set():
            work.cancel()
            return
        world.draining.set()
        note("finishing what is in flight; interrupt again to stop at once")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupt)
    try:
        tally = await work
    except asyncio.CancelledError:
        return None
    except BaseExceptionGroup as group:
        raise _first(group) from group
    return None if world.draining.is_set() and tally.running else tally


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The failure that ended the run: one that Caesar can name, if there is one."""
    named = group.subgroup(CaesarError)
    chosen: BaseException = named or group
    while isinstance(chosen, BaseExceptionGroup):
        chosen = chosen.exceptions[0]
    return chosen


def _say_how_it_ended(
    prepared: Prepared, run_id: str, tally: Tally | None, *, seconds: float, exported: str
) -> None:
    name, store = prepared.configuration.name, prepared.options.store
    if prepared.options.json:
        counts = None if tally is None else {
            "finished": tally.finished, "suspended": tally.suspended, "running": tally.running,
        }  # fmt: skip
        emit_json({"run": name, "id": run_id, "store": str(store), "trajectories": counts, "seconds": seconds})
        return
    if tally is None:
        note(f"run {name}: stopped; the same command continues it")
        return
    suspended = f", {tally.suspended} suspended (the same command tries them again)" if tally.suspended else ""
    finished = counted(tally.finished, "trajectory")
    note(f"run {name}: {finished} finished{suspended} in {seconds:.0f} s; log in {store}{exported}")
