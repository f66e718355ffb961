"""The evaluator that judges on this machine: a judge for each device, a fresh boxed process for each candidate.

The supervisor's side: it holds no torch, runs nothing of the candidate's and reads nothing the
candidate says. It starts both, gives them ends of one socket, bounds them, and puts together what
the judge reports and how the candidate's process ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from caesar.domain import Baseline, Problem
from caesar.effects import Evaluate, Evaluated, EvaluationSettings, Grant, Limits
from caesar.errors import Fault
from caesar.evaluators.baselines import BaselineCache, BaselineKey, Conditions, Measurement, keys_for
from caesar.evaluators.boxes import candidate_box
from caesar.evaluators.judges import Judge, JudgeLost
from caesar.evaluators.protocol import Assignment, Contest, Described, Gone, Reached, Report, Stage, Unusable
from caesar.evaluators.surroundings import cuda_of_torch, driver_version, torch_version
from caesar.evaluators.verdicts import (
    VERSION,
    Course,
    Place,
    evaluated_of,
    unusable,
    with_baselines,
    wrote_to_inputs,
)
from caesar.sandbox.artifact import artifact_environment
from caesar.sandbox.box import Tier
from caesar.sandbox.folders import remove_folder
from caesar.sandbox.job import Ended, Job
from caesar.sandbox.zygote import Zygote

__all__ = ["LocalEvaluator", "hub_environment"]

_TARGET = "caesar.evaluators.candidate:main"

_THREAD_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What tells a candidate's own libraries how many threads the reference may use."""

_HUB_VARIABLES = ("HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
"""What references that load models from a hub go by. Tokens are secrets and never passed on."""

_GRACE_S, _GRACE_SHARE = 20.0, 2.0
"""How long a judge may take to notice that the candidate has gone; then it is stuck.

And how many times what it took to get ready: it may be calling its reference just then.
"""

_READY_S = 600.0
"""How long a judge may take to get ready: some references construct large models."""

_DYING_S = 5.0
"""How long a process may take to die once its link has: how it ends by itself is what its result says."""

_PROCESSES = 256


@dataclass(slots=True)
class _Bout:
    """One candidate's process and one judge, from order to report."""

    task: asyncio.Task[Ended]
    expired: asyncio.Future[None]
    reached: list[Reached] = field(default_factory=list)


class LocalEvaluator:
    """Judges candidates on the device that the caller's grant names, and keeps its judge there until vacated.

    An async context manager: closing ends every judge.
    """

    def __init__(
        self,
        *,
        zygote: Zygote,
        scratch: Path,
        device_names: Mapping[str, str],
        tier: Tier = Tier.NONE,
        nodes: Mapping[str, tuple[Path, ...]] | None = None,
        cpus: Mapping[str, tuple[int, ...]] | None = None,
        env: Mapping[str, str] | None = None,
        baselines: BaselineCache | None = None,
    ) -> None:
        self._zygote = zygote
        self._baselines = baselines
        self._scratch = scratch
        self._device_names = device_names
        self._tier = tier
        self._nodes = nodes or {}
        self._cpus = cpus or {}
        self._env = dict(env or {})
        self._judges: dict[str, Judge] = {}

    @property
    def version(self) -> str:
        """Pinned by a run: two versions may judge differently."""
        return VERSION

    async def evaluate(self, evaluate: Evaluate, grant: Grant) -> Evaluated:
        """The evaluation; Fault where no verdict was possible; cancelling ends its whole process tree."""
        through = False
        began = time.monotonic()
        try:
            course = await self._course(evaluate, grant, writable=False)
            if wrote_to_inputs(course):
                first_s = time.monotonic() - began
                again = await self._course(evaluate, grant, writable=True)
                course = replace(again, retried=True, process_s=again.process_s + first_s)
            evaluated = evaluated_of(evaluate, course, self._place(grant))
            evaluated = await self._with_baselines(evaluate, grant, evaluated)
            through = True
        finally:
            if not through:  # whatever the judge was at, it is not to be asked again
                await self.vacate(grant.device)
        return evaluated

    async def measure_baseline(
        self, problem: Problem, settings: EvaluationSettings, grant: Grant
    ) -> tuple[Measurement, ...]:
        """The baselines that the settings ask for, measured now, the one speedups are over first.

        A way that the reference can't be run in (torch.compile may fail) is left out.
        """
        names = tuple(
            key.name for key in keys_for(problem.digest, settings, await self.conditions(settings, grant))
        )
        return await self._measured(problem, settings, Limits().evaluate_s, grant, names=names)

    async def conditions(self, settings: EvaluationSettings, grant: Grant) -> Conditions:
        """What times on the granted device depend on, without measuring any."""
        cuda = _is_gpu(grant)
        return Conditions(
            device_model=self._device_names.get(grant.device, grant.device),
            driver=(driver_version() or "unknown") if cuda else "",
            torch=torch_version(),
            cuda=cuda_of_torch(),
            precision=settings.precision.value,
            evaluator=VERSION,
        )

    async def _with_baselines(self, evaluate: Evaluate, grant: Grant, evaluated: Evaluated) -> Evaluated:
        """The evaluation with the further baselines that its settings ask for, cached or measured now."""
        began = time.monotonic()
        evaluation, settings = evaluated.evaluation, evaluate.settings
        keys = keys_for(evaluate.problem.digest, settings, await self.conditions(settings, grant))
        if evaluation.timing is None or len(keys) == 1:
            return evaluated
        fresh = evaluation.baselines[0]
        known = {} if self._baselines is None else self._baselines.known(keys, fresh_eager=fresh.timing)
        missing = tuple(key.name for key in keys[1:] if key.name not in known)
        measured: tuple[Measurement, ...] = ()
        if missing:
            limit_s = evaluate.limits.evaluate_s
            measured = await self._measured(evaluate.problem, settings, limit_s, grant, names=missing)
        if not any(finding.kind == "reference_disturbed" for finding in evaluation.findings):
            self._keep(keys, measured, Measurement(fresh.name, _samples(evaluated, fresh)))
        seconds = time.monotonic() - began
        return with_baselines(evaluated, known=tuple(known.values()), measured=measured, seconds=seconds)

    def _keep(self, keys: Sequence[BaselineKey], measured: Sequence[Measurement], eager: Measurement) -> None:
        if self._baselines is None:
            return
        by_name = {measurement.name: measurement for measurement in (eager, *measured)}
        for key in keys:
            if key.name in by_name:
                self._baselines.put(key, by_name[key.name])

    async def _measured(
        self,
        problem: Problem,
        settings: EvaluationSettings,
        limit_s: float,
        grant: Grant,
        *,
        names: tuple[str, ...],
    ) -> tuple[Measurement, ...]:
        judge = await self._judge(problem, settings, limit_s, grant)
        await self._described(problem, grant, judge)
        try:
            async with asyncio.timeout(_READY_S):
                told = await judge.measure(names)
        except TimeoutError:
            raise Fault("reference", f"baselines were not measured within {_READY_S:.0f} s") from None
        except JudgeLost as lost:
            raise Fault("evaluator", f"the judge on {grant.device} ended in the middle: {lost}") from lost
        return tuple(Measurement(name, told.samples_ms[name]) for name in names if name in told.samples_ms)

    async def vacate(self, device: str) -> None:
        """End the judge on a device, which is free of this evaluator's processes then."""
        judge = self._judges.pop(device, None)
        if judge is not None:
            await judge.end()

    async def close(self) -> None:
        """End every judge."""
        for device in tuple(self._judges):
            await self.vacate(device)

    async def _course(self, evaluate: Evaluate, grant: Grant, *, writable: bool) -> Course:
        """How judging the candidate went, from the start of its process to its end."""
        began = time.monotonic()
        limit_s = evaluate.limits.evaluate_s
        judge = await self._judge(evaluate.problem, evaluate.settings, limit_s, grant)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            async with self._candidate(evaluate, grant, theirs) as bout:
                course = await self._judged(
                    evaluate, grant, judge, bout, link=ours, theirs=theirs, writable=writable
                )
        rest_s = time.monotonic() - began - course.judge_s - course.report.seconds
        return replace(course, process_s=max(0.0, rest_s))

    async def _judged(
        self,
        evaluate: Evaluate,
        grant: Grant,
        judge: Judge,
        bout: _Bout,
        *,
        link: socket.socket,
        theirs: socket.socket,
        writable: bool,
    ) -> Course:
        began = time.monotonic()
        described = await self._described(evaluate.problem, grant, judge)
        judge_s = time.monotonic() - began
        judge.judge(Contest(writable), link)
        link.close()
        timer = asyncio.get_running_loop().call_later(evaluate.limits.evaluate_s, _expire, bout.expired)
        reporting = asyncio.create_task(self._report(judge, bout, theirs))
        try:
            await asyncio.wait({reporting, bout.task}, return_when=asyncio.FIRST_COMPLETED)
            if not reporting.done():
                theirs.close()  # the last copy of the candidate's end: the judge sees that it has gone
            report = await self._within_grace(grant, reporting, ready_s=described.seconds)
        finally:
            timer.cancel()
            if reporting.cancel():
                await asyncio.wait({reporting})
        timed_out = bout.expired.done()
        if isinstance(report.ending, Gone):
            await asyncio.wait({bout.task}, timeout=_DYING_S)
        _expire(bout.expired)
        ended = await bout.task
        timed_out = timed_out and isinstance(report.ending, Gone)
        return Course(described, report, ended, timed_out=timed_out, judge_s=judge_s)

    async def _described(self, problem: Problem, grant: Grant, judge: Judge) -> Described:
        try:
            async with asyncio.timeout(_READY_S):
                described = await judge.ready()
        except TimeoutError:
            raise Fault(
                "reference", f"the judge on {grant.device} did not get ready in {_READY_S:.0f} s"
            ) from None
        except JudgeLost as lost:
            raise Fault("evaluator", f"the judge on {grant.device} ended before it was ready: {lost}") from lost
        if isinstance(described, Unusable):
            raise unusable(problem, described, device=grant.device)
        return described

    async def _report(self, judge: Judge, bout: _Bout, theirs: socket.socket) -> Report:
        def progress(reached: Reached) -> None:
            bout.reached.append(reached)
            if reached.stage is Stage.CANDIDATE:
                theirs.close()  # its process has its own: should that close it, the judge is to see the end

        return await judge.report(progress=progress)

    async def _within_grace(self, grant: Grant, reporting: asyncio.Task[Report], *, ready_s: float) -> Report:
        try:
            async with asyncio.timeout(_GRACE_S + _GRACE_SHARE * ready_s):
                return await reporting
        except TimeoutError:
            raise Fault("device", f"the judge on {grant.device} hangs, its candidate being gone") from None
        except JudgeLost as lost:
            raise Fault("evaluator", f"the judge on {grant.device} ended in the middle: {lost}") from lost

    @asynccontextmanager
    async def _candidate(self, evaluate: Evaluate, grant: Grant, theirs: socket.socket) -> AsyncIterator[_Bout]:
        """The candidate's process, which is dead with all it started when the block ends."""
        async with _folder(self._scratch) as folder:
            expired: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            job = self._job(evaluate, grant, folder, theirs)
            bout = _Bout(asyncio.create_task(self._zygote.run(job, expired=expired)), expired)
            try:
                yield bout
            finally:
                if not bout.task.done():
                    bout.task.cancel()
                with suppress(asyncio.CancelledError, Fault):
                    await bout.task

    async def _judge(
        self, problem: Problem, settings: EvaluationSettings, limit_s: float, grant: Grant
    ) -> Judge:
        """The device's judge, another one if it was there for something else.

        Giving the former's memory back takes a third of what getting ready takes. On the CPU that goes on
        beside it, since memory comes back faster than inputs are made; a GPU's has to be free first.
        """
        key = (problem.digest, settings, limit_s)
        judge = self._judges.get(grant.device)
        if judge is not None and judge.key == key and not judge.has_ended:
            return judge
        if _is_gpu(grant):
            await self.vacate(grant.device)
        former = self._judges.pop(grant.device, None)
        try:
            judge = self._judges[grant.device] = self._started(problem, settings, limit_s, grant, key=key)
        finally:
            if former is not None:
                await former.end()
        return judge

    def _started(
        self, problem: Problem, settings: EvaluationSettings, limit_s: float, grant: Grant, *, key: object
    ) -> Judge:
        assignment = Assignment(
            reference=problem.source,
            settings=settings,
            cuda=_is_gpu(grant),
            limit_s=limit_s,
            threads=len(self._cores(grant)),
            core=None if _is_gpu(grant) else self._cores(grant)[0],
        )
        env = self._env | self._device_environment(grant, threads=assignment.threads)
        folder = _made(self._scratch, prefix="judge-")
        cpus = self._cpus.get(grant.device)
        return Judge.start(self._zygote, assignment, key=key, folder=folder, env=env, cpus=cpus)

    def _job(self, evaluate: Evaluate, grant: Grant, folder: Path, theirs: socket.socket) -> Job:
        cores = self._cores(grant) if _is_gpu(grant) else self._cores(grant)[:1]
        payload = {
            "source": evaluate.candidate.source,
            "artifact": evaluate.artifact,
            "threads": len(cores),
        }
        return Job(
            target=_TARGET,
            payload=msgspec.json.encode(payload),
            folder=folder,
            limit_s=evaluate.limits.evaluate_s + _READY_S,
            output_bytes=evaluate.limits.output_bytes,
            env=artifact_environment(evaluate.artifact) | self._device_environment(grant, threads=len(cores)),
            descriptors=(theirs.fileno(),),
            box=candidate_box(
                self._tier,
                reads=(Path(evaluate.artifact).absolute(),),
                devices=self._nodes.get(grant.device, ()),
                processes=_PROCESSES,
                cpus=None if _is_gpu(grant) else cores,
            ),
        )

    def _device_environment(self, grant: Grant, *, threads: int) -> dict[str, str]:
        """The variables that tie a process to its device and its share of processors."""
        device = {"CUDA_VISIBLE_DEVICES": grant.device if _is_gpu(grant) else ""}
        return dict.fromkeys(_THREAD_COUNTS, str(threads)) | device

    def _cores(self, grant: Grant) -> tuple[int, ...]:
        return self._cpus.get(grant.device) or tuple(sorted(os.sched_getaffinity(0)))

    def _place(self, grant: Grant) -> Place:
        return Place(grant.device, self._device_names.get(grant.device), self._tier, grant.alone)


def hub_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What lets references find models in the user's hub cache: offline, unless the user says otherwise."""
    home = Path(environ.get("HOME", "/"))
    defaults = {"HF_HOME": str(home / ".cache" / "huggingface"), "HF_HUB_OFFLINE": "1"}
    return defaults | {name: environ[name] for name in _HUB_VARIABLES if name in environ}


def _samples(evaluated: Evaluated, baseline: Baseline) -> tuple[float, ...]:
    return tuple(json.loads(evaluated.texts[baseline.timing.samples]))


def _expire(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _is_gpu(grant: Grant) -> bool:
    return not grant.device.startswith("cpu:")


def _made(scratch: Path, *, prefix: str) -> Path:
    """A fresh folder; Fault where there can be none."""
    try:
        return Path(tempfile.mkdtemp(prefix=prefix, dir=scratch))
    except OSError as error:
        raise Fault("evaluator", f"an evaluation can't make its folder ({error}); set TMPDIR") from error


@asynccontextmanager
async def _folder(scratch: Path) -> AsyncIterator[Path]:
    """A fresh folder for one process, gone afterwards with all that was left in it."""
    folder = _made(scratch, prefix="evaluation-")
    try:
        yield folder
    finally:
        await asyncio.to_thread(remove_folder, folder)
