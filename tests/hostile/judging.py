"""Building and judging the candidates of tests/hostile as `caesar evaluate` does, in a tier of the sandbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import msgspec
from cases import Case, Got, cases, complaints
from surroundings import Surroundings

import caesar
from caesar.cli.files import cache_folder
from caesar.cli.machinery import Machinery, backend_of, choose_devices, machinery
from caesar.domain import Candidate, Problem
from caesar.effects import Backend, Build, Built, Evaluate, Evaluated, EvaluationSettings, Limits, Request
from caesar.errors import Fault, UsageError
from caesar.sandbox.box import Tier
from caesar.sandbox.probe import STRICTEST_FIRST

__all__ = ["HERE", "Judging", "Result", "all_cases", "opened", "places"]

HERE = Path(__file__).parent

_SETTINGS = EvaluationSettings(timing_trials=40, timing_s=0.5)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case, and what is wrong with that."""

    case: Case
    got: Got
    complaints: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def right(self) -> bool:
        """Whether everything came as it should."""
        return not self.complaints


@dataclass(slots=True)
class Judging:
    """Judges cases one after another on a device, and remembers what twins came to."""

    machine: Machinery
    surroundings: Surroundings
    backend: Backend
    tier: str
    """In which candidates are judged."""
    known: dict[str, Got] = field(default_factory=dict)

    async def result(self, case: Case) -> Result:
        """Build and judge one case, and look around for what it left."""
        started = time.perf_counter()
        self.surroundings.prepare(case)
        got = await self._got(case)
        twin = await self._twin(case)
        left = await asyncio.to_thread(
            lambda: tuple(self.surroundings.complaints(case, got.texts)),
        )
        found = (*complaints(case, got, twin=twin), *left)
        return Result(case, got, found, time.perf_counter() - started)

    async def build(self, case: Case) -> Built:
        """Build a case; a second time it comes from the cache."""
        return await self.machine.builder.build(
            Build(
                _request(case),
                Candidate(case.source),
                backend=self.backend,
                limits=_limits(case),
                problem=_problem(case.problem),
            )
        )

    async def _twin(self, case: Case) -> Got | None:
        if case.slower is None:
            return None
        name = f"{case.device}/honest/{case.slower}"
        if name not in self.known:
            await self._got(next(one for one in all_cases() if one.name == name))
        return self.known[name]

    async def _got(self, case: Case) -> Got:
        built = await self.build(case)
        got = Got(_outcome(built), texts=built.log or "")
        if built.artifact is not None:
            got = await self._evaluated(case, got, built.artifact)
        self.known[case.name] = got
        return got

    async def _evaluated(self, case: Case, got: Got, artifact: str) -> Got:
        work = Evaluate(
            _request(case),
            _problem(case.problem),
            candidate=Candidate(case.source),
            artifact=artifact,
            backend=self.backend,
            settings=_SETTINGS,
            limits=_limits(case),
        )
        grant = await self.machine.devices.acquire(work.request.id)
        try:
            return _with(got, await self.machine.evaluator.evaluate(work, grant))
        except Fault as fault:
            return replace(got, verdict="fault", reason=str(fault))
        finally:
            await self.machine.devices.release(grant)


@asynccontextmanager
async def opened(device: str, tier: str | None, surroundings: Surroundings) -> AsyncIterator[Judging]:
    """Judging on the first device of a kind, in a tier: the strictest that works, if None is named.

    UsageError where the tier that is named does not work here.
    """
    backend = backend_of(Backend(device))
    (first, *_) = choose_devices(backend, ())
    tiers = STRICTEST_FIRST if tier is None else tuple({Tier(tier)} - {Tier.NONE})
    async with machinery((first,), backend, tiers=tiers) as machine:
        found = str(machine.evaluator.isolation)
        if tier not in (None, found):
            raise UsageError(f"tier {tier} does not work here")
        yield Judging(machine, surroundings, backend, found)


@cache
def all_cases() -> tuple[Case, ...]:
    """Every case, in order."""
    return cases(HERE / "candidates")


def places() -> Mapping[str, Path]:
    """The folders that markers name in braces."""
    import torch

    return {
        "torch": Path(torch.__file__).parent,
        "caesar": Path(caesar.__file__).parent,
        "cache": cache_folder(),
    }


@cache
def _problem(name: str) -> Problem:
    return Problem("hostile", name, name, (HERE / "problems" / f"{name}.py").read_text())


def _request(case: Case) -> Request:
    return Request(f"hostile/{case.problem}/0", turn=1, slot=0, action="evaluate")


def _limits(case: Case) -> Limits:
    return Limits(build_s=case.build_limit, evaluate_s=case.limit)


def _outcome(built: Built) -> str:
    return f"{built.outcome}({built.reason})" if built.reason else str(built.outcome)


def _with(got: Got, evaluated: Evaluated) -> Got:
    evaluation = evaluated.evaluation
    said = msgspec.json.encode(evaluation).decode()
    return replace(
        got,
        verdict=evaluation.verdict.value,
        reason=evaluation.reason,
        findings=frozenset(finding.kind for finding in evaluation.findings),
        median_ms=evaluation.timing.median_ms if evaluation.timing else None,
        speedup=evaluation.speedup,
        trials=evaluation.timing.trials if evaluation.timing else 0,
        texts="\n".join((got.texts, said, *evaluated.texts.values())),
    )
