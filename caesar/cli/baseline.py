"""`caesar baseline`: the references' own times, measured once and kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import msgspec

from caesar.cli.files import cache_folder
from caesar.cli.machinery import backend_of, choose_devices, machinery, on_a_device
from caesar.cli.output import emit_json, emit_table, note
from caesar.domain import Problem
from caesar.effects import Backend, BaselineKind, EvaluationSettings, Grant, Request
from caesar.errors import Fault, UsageError
from caesar.evaluators.baselines import (
    BaselineCache,
    BaselineMeter,
    Conditions,
    ForeignBaseline,
    Measurement,
    drifted,
    foreign_baselines,
    keys_for,
)
from caesar.fsm.overrides import setting
from caesar.ports import DevicePool
from caesar.problems.suites import load_suite, select

__all__ = ["BaselineOptions", "Known", "baseline_command", "fill"]


@dataclass(frozen=True, slots=True)
class BaselineOptions:
    """The options of `caesar baseline`."""

    suite: str
    ids: tuple[str, ...]
    backend: str
    settings: tuple[str, ...]
    """--set key=value, as written: keys of a spec's `evaluation`."""
    devices: tuple[str, ...]
    refresh: bool
    kernelbench: Path | None
    json: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one problem's reference now."""

    problem: Problem
    how: str
    """measured, cached, or measured again because it had drifted; else why it could not be measured."""
    conditions: Conditions | None
    measurements: tuple[Measurement, ...]


def baseline_command(options: BaselineOptions) -> int:
    """Fill the cache; 0 if every problem could be measured, 1 if not."""
    backend = backend_of(None if options.backend == "auto" else _backend(options.backend))
    suite = load_suite(options.suite, kernelbench=options.kernelbench, relative_to=Path.cwd())
    problems = select(suite, ids=options.ids or None, limit=None)
    known = asyncio.run(_filled(options, backend, problems))
    foreign = {each.problem.id: _foreign(each.problem, options.kernelbench) for each in known}
    if options.json:
        emit_json({"baselines": [_document(each, foreign[each.problem.id]) for each in known]})
    else:
        emit_table(("problem", "baseline", "median (ms)", "calls", "how"), list(_rows(known, foreign)))
    return 0 if all(each.measurements for each in known) else 1


def _backend(name: str) -> Backend:
    if name not in tuple(Backend):
        raise UsageError(f"--backend {name}: choose one of auto, {', '.join(Backend)}")
    return Backend(name)


def _settings(written: Sequence[str]) -> EvaluationSettings:
    """The settings that the flags ask for: eager and compiled, unless they say otherwise."""
    given = dict(map(setting, written))
    unknown = given.keys() - {field.name for field in fields(EvaluationSettings)}
    if unknown:
        raise UsageError(f"--set {min(unknown)}: no key of evaluation; docs/specs.md lists them")
    try:
        defaults = {"baselines": [kind.value for kind in BaselineKind]}
        return msgspec.convert({**defaults, **given}, EvaluationSettings)
    except msgspec.ValidationError as error:
        raise UsageError(f"--set: {error}; docs/specs.md lists the keys of evaluation") from error


async def _filled(options: BaselineOptions, backend: Backend, problems: Sequence[Problem]) -> list[Known]:
    settings = _settings(options.settings)
    known: list[Known] = []
    async with machinery(choose_devices(backend, options.devices), backend) as machine:
        cache = BaselineCache(cache_folder() / "baselines")
        filling = fill(
            problems,
            settings,
            meter=machine.evaluator,
            cache=cache,
            devices=machine.devices,
            refresh=options.refresh,
        )
        async with aclosing(filling):
            async for each in filling:
                note(f"{each.problem.suite}/{each.problem.id}: {each.how}")
                known.append(each)
    return known


async def fill(
    problems: Sequence[Problem],
    settings: EvaluationSettings,
    *,
    meter: BaselineMeter,
    cache: BaselineCache,
    devices: DevicePool,
    refresh: bool,
) -> AsyncGenerator[Known, None]:
    """Measure what the cache lacks, one problem a lease.

    The first problem is measured in any case: it says what the conditions are, and whether what is
    cached still holds. Where it doesn't, everything is measured again.
    """
    conditions: Conditions | None = None
    for problem in problems:
        if conditions is not None and not refresh:
            keys = keys_for(problem.digest, settings, conditions)
            cached = cache.known(keys)
            if len(cached) == len(keys):
                yield Known(problem, "cached", conditions, tuple(cached.values()))
                continue
        try:
            found, measurements = await _measured(problem, settings, meter, devices)
        except Fault as fault:
            yield Known(problem, str(fault), conditions, ())
            continue
        moved = _keep(problem, settings, found, measurements, cache=cache)
        refresh = refresh or moved
        conditions = found
        yield Known(
            problem,
            "measured again: the cached times had drifted" if moved else "measured",
            found,
            measurements,
        )


async def _measured(
    problem: Problem, settings: EvaluationSettings, meter: BaselineMeter, devices: DevicePool
) -> tuple[Conditions, tuple[Measurement, ...]]:
    async def measured(grant: Grant) -> tuple[Conditions, tuple[Measurement, ...]]:
        measurements = await meter.measure_baseline(problem, settings, grant)
        if not measurements:
            raise Fault("reference", f"{problem.suite}/{problem.id} can't be measured")
        return await meter.conditions(settings, grant), measurements

    request = Request(f"baseline/{problem.id}/0", turn=1, slot=0, action="baseline")
    return await on_a_device(devices, request.id, measured)


def _keep(
    problem: Problem,
    settings: EvaluationSettings,
    conditions: Conditions,
    measurements: Sequence[Measurement],
    *,
    cache: BaselineCache,
) -> bool:
    """Put everything measured into the cache; whether the eager time had drifted from the one there."""
    keys = {key.name: key for key in keys_for(problem.digest, settings, conditions)}
    moved = False
    for measurement in measurements:
        key = keys[measurement.name]
        before = cache.get(key)
        if before is not None and measurement is measurements[0]:
            moved = drifted(before.baseline.timing, measurement.baseline.timing)
        cache.put(key, measurement)
    return moved


def _foreign(problem: Problem, kernelbench: Path | None) -> tuple[ForeignBaseline, ...]:
    if kernelbench is None or problem.level is None:
        return ()
    return foreign_baselines(kernelbench, level=problem.level, problem_file=f"{problem.id}_{problem.name}.py")


def _rows(known: Sequence[Known], foreign: dict[str, tuple[ForeignBaseline, ...]]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for each in known:
        where = f"{each.problem.suite}/{each.problem.id}"
        if not each.measurements:
            rows.append((where, None, None, None, each.how))
        for measurement in each.measurements:
            timing = measurement.baseline.timing
            rows.append((where, measurement.name, f"{timing.median_ms:.4g}", timing.trials, each.how))
        rows.extend(
            (
                where,
                f"{one.hardware}/{one.name}",
                f"{one.mean_ms:.4g}",
                None,
                f"foreign: a mean on {one.device_name}",
            )
            for one in foreign[each.problem.id]
        )
    return rows


def _document(known: Known, foreign: Sequence[ForeignBaseline]) -> dict[str, object]:
    return {
        "problem": f"{known.problem.suite}/{known.problem.id}",
        "how": known.how,
        "conditions": known.conditions and asdict(known.conditions),
        "baselines": [msgspec.to_builtins(measurement.baseline) for measurement in known.measurements],
        "foreign": [asdict(one) for one in foreign],
    }
