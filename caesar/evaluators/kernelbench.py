"""KernelBench's own evaluator, run in a child, and its words turned into ours.

Its oddities end here: None for an error whose text holds "lock", -1.0 for what was not measured,
means of three digits that a comment calls microseconds and are milliseconds, exceptions as values,
integer inputs cast to floating point. KernelBench runs a candidate in the process that judges it,
so what it says has no trust, and is never mixed into our own verdict.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from caesar.domain import (
    Baseline,
    Digest,
    Environment,
    Evaluation,
    KernelBenchResult,
    Timing,
    Trust,
    Verdict,
    digest_of,
    storable,
)
from caesar.effects import Evaluate, Evaluated, Grant
from caesar.errors import Fault, UsageError
from caesar.evaluators.boxes import candidate_box
from caesar.evaluators.installation import ADVICE, Installation
from caesar.evaluators.statistics import samples_of, timing_of
from caesar.evaluators.verdicts import word
from caesar.sandbox.artifact import MARK, artifact_environment
from caesar.sandbox.box import Tier
from caesar.sandbox.folders import remove_folder
from caesar.sandbox.job import Ended, How, Job
from caesar.sandbox.zygote import Zygote

__all__ = ["Judgement", "KernelBenchJudge", "evaluated_of"]

_TARGET = "caesar.evaluators.kernelbench_child:main"
_FOREIGN = "caesar.evaluators.kernelbench_child:foreign"
_TIMING_METHOD = "cuda_event"
"""KernelBench's own default."""
_METADATA_CHARS = 4000
_DETAIL_CHARS = 4000
_PROCESSES = 512


class _Ready(msgspec.Struct, frozen=True, tag="ready", forbid_unknown_fields=True):
    """KernelBench is imported and sees a device."""

    device_name: str
    torch: str
    cuda: str | None


class _Unusable(msgspec.Struct, frozen=True, tag="unusable", forbid_unknown_fields=True):
    what: str


class _Retry(msgspec.Struct, frozen=True, tag="retry", forbid_unknown_fields=True):
    """KernelBench returned None."""


class _Said(msgspec.Struct, frozen=True, tag="said", forbid_unknown_fields=True):
    """KernelBench returned a result."""

    compiled: bool
    correct: bool
    runtime: float
    reference: float
    metadata: dict[str, str]
    samples: tuple[float, ...]
    reference_samples: tuple[float, ...]


_DECODER: msgspec.json.Decoder[_Ready | _Unusable | _Retry | _Said] = msgspec.json.Decoder(
    _Ready | _Unusable | _Retry | _Said
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What KernelBench said, with the samples behind its means and where it ran."""

    result: KernelBenchResult
    device_name: str
    torch: str
    cuda: str | None
    seconds: float
    output: str = ""
    """The end of what its process printed."""
    samples_ms: tuple[float, ...] = field(default=(), repr=False)
    reference_samples_ms: tuple[float, ...] = field(default=(), repr=False)


class KernelBenchJudge:
    """Runs KernelBench's evaluator, one child a candidate, on the device that the grant names."""

    def __init__(
        self,
        installation: Installation,
        *,
        zygote: Zygote,
        scratch: Path,
        tier: Tier = Tier.NONE,
        nodes: Mapping[str, tuple[Path, ...]] | None = None,
        env: Mapping[str, str] | None = None,
        target: str = _TARGET,
    ) -> None:
        self.installation = installation
        self._zygote = zygote
        self._scratch = scratch
        self._tier = tier
        self._nodes = nodes or {}
        self._env = dict(env or {})
        self._target = target if installation.python is None else _FOREIGN

    @property
    def version(self) -> str:
        """Which KernelBench; part of what a run pins."""
        return self.installation.version

    async def judge(self, evaluate: Evaluate, grant: Grant) -> Judgement:
        """What KernelBench says; Fault where it could not be asked; cancelling ends its process tree.

        UsageError on a device that is no GPU: KernelBench has no other way.
        """
        if grant.device.startswith("cpu:"):
            raise UsageError("KernelBench's evaluator takes a GPU; use judge: caesar on this machine")
        async with _folder(self._scratch) as folder:
            ended = await self._zygote.run(self._job(evaluate, grant, folder))
        return judgement_of(ended, version=self.version)

    def _job(self, evaluate: Evaluate, grant: Grant, folder: Path) -> Job:
        settings, installation = evaluate.settings, self.installation
        asked = {
            "package": str(installation.package),
            "python": None if installation.python is None else str(installation.python),
            "reference": evaluate.problem.source,
            "candidate": evaluate.candidate.source,
            "artifact": evaluate.artifact
            if evaluate.artifact and (Path(evaluate.artifact) / MARK).exists()
            else None,
            "correctness_trials": settings.correctness_trials,
            "timing_trials": settings.timing_trials,
            "timing": True,
            "timing_method": _TIMING_METHOD,
            "device": "cuda:0",
            "backend": evaluate.backend.value,
            "precision": settings.precision.value,
        }
        return Job(
            target=self._target,
            payload=json.dumps(asked).encode(),
            folder=folder,
            limit_s=evaluate.limits.build_s + evaluate.limits.evaluate_s,
            output_bytes=evaluate.limits.output_bytes,
            env=self._env | _built(evaluate.artifact) | {"CUDA_VISIBLE_DEVICES": grant.device},
            box=candidate_box(
                self._tier,
                reads=(*self.installation.reads, *_folders(evaluate.artifact)),
                devices=self._nodes.get(grant.device, ()),
                processes=_PROCESSES,
            ),
        )


def _built(artifact: str) -> dict[str, str]:
    """What lets KernelBench find extensions built; without an artifact it compiles in its own folder."""
    return artifact_environment(artifact) if artifact else {}


def _folders(artifact: str) -> tuple[Path, ...]:
    return (Path(artifact).absolute(),) if artifact else ()


@asynccontextmanager
async def _folder(scratch: Path) -> AsyncIterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="kernelbench-", dir=scratch))
    try:
        yield folder
    finally:
        await asyncio.to_thread(remove_folder, folder)


def judgement_of(ended: Ended, *, version: str) -> Judgement:
    """What a child's end amounts to; Fault where KernelBench was never reached."""
    first, *rest = [*map(_decoded, ended.replies[:2]), None]
    if ended.survivors:
        raise Fault("survivors", "a process of KernelBench's outlived being killed: restart the machine")
    if isinstance(first, _Unusable):
        raise Fault("kernelbench", f"KernelBench can't judge here: {first.what}; {ADVICE}", permanent=True)
    if not isinstance(first, _Ready):
        raise Fault("kernelbench", f"KernelBench did not start ({_how(ended)}): {ended.output[-500:]}")
    said = rest[0]
    return Judgement(
        result=_result(said, ended, version=version),
        device_name=first.device_name,
        torch=first.torch,
        cuda=first.cuda,
        seconds=ended.seconds,
        output=storable(ended.output)[-_DETAIL_CHARS:],
        samples_ms=_positive(said.samples) if isinstance(said, _Said) else (),
        reference_samples_ms=_positive(said.reference_samples) if isinstance(said, _Said) else (),
    )


def _decoded(reply: bytes) -> _Ready | _Unusable | _Retry | _Said | None:
    try:
        return _DECODER.decode(reply)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _positive(samples: tuple[float, ...]) -> tuple[float, ...]:
    """The samples, or none where one is not a time."""
    return samples if all(0 < sample < float("inf") for sample in samples) else ()


def _result(said: object, ended: Ended, *, version: str) -> KernelBenchResult:
    match said:
        case _Said():
            return _told(said, version=version)
        case _Retry():
            # Its folder is its own, so no lock is ever held: an error's text held "lock", as in "block".
            return KernelBenchResult(version, compiled=False, correct=False, reason="compile_error")
        case _:
            return KernelBenchResult(version, compiled=False, correct=False, reason=_how(ended))


def _told(said: _Said, *, version: str) -> KernelBenchResult:
    correct = said.compiled and said.correct
    return KernelBenchResult(
        version=version,
        compiled=said.compiled,
        correct=correct,
        runtime_ms=_measured(said.runtime) if correct else None,
        reference_ms=_measured(said.reference),
        reason=None if correct else _reason(said),
        metadata=storable(json.dumps(said.metadata, sort_keys=True, ensure_ascii=False))[:_METADATA_CHARS],
    )


def _measured(milliseconds: float) -> float | None:
    """-1.0, and whatever else is no time, is absent."""
    return milliseconds if 0 < milliseconds < float("inf") else None


def _reason(said: _Said) -> str:
    """Why a candidate is not correct, by the metadata's keys."""
    metadata = said.metadata
    if not said.compiled:
        return "compile_error"
    if "correctness_issue" in metadata:
        return "shape" if "shape" in metadata["correctness_issue"].lower() else "values"
    name = metadata.get("runtime_error_name") or metadata.get("other_error_name") or "unknown"
    return f"exception:{word(name.rpartition('.')[2])}"


def _how(ended: Ended) -> str:
    """How a child ended, as a reason."""
    match ended.how:
        case How.EXITED:
            return f"exit:{ended.code}"
        case How.SIGNALLED:
            return f"signal:{ended.code}"
        case How.TIMED_OUT:
            return "time_limit"
        case How.REPLY_LIMIT:
            return "protocol"
    return ended.how.value


def evaluated_of(work: Evaluate, grant: Grant, judgement: Judgement, *, isolation: str) -> Evaluated:
    """KernelBench's judgement as the evaluation of a run that asks for no other (judge: kernelbench)."""
    result, texts = judgement.result, dict[Digest, str]()
    verdict, reason = _verdict(result)
    passed = verdict is Verdict.PASSED
    baseline = _timing(judgement.reference_samples_ms, texts) if passed else None
    environment = Environment(
        device=grant.device,
        device_name=judgement.device_name,
        torch=judgement.torch,
        cuda=judgement.cuda,
        precision=work.settings.precision.value,
        isolation=isolation,
        trust=Trust.NONE,
        seconds={"kernelbench": judgement.seconds},
        alone=grant.alone,
    )
    evaluation = Evaluation(
        verdict=verdict,
        environment=environment,
        evaluator=result.version,
        reason=reason,
        detail=None if passed or not judgement.output else _kept(judgement.output, texts),
        trials_passed=work.settings.correctness_trials if passed else 0,
        trials=work.settings.correctness_trials if result.compiled else 0,
        timing=_timing(judgement.samples_ms, texts) if passed else None,
        baselines=() if baseline is None else (Baseline("eager", baseline),),
        parameters="seeded" if result.compiled else None,
        kernelbench=result,
    )
    return Evaluated(evaluation, texts)


def _verdict(result: KernelBenchResult) -> tuple[Verdict, str | None]:
    match result.reason:
        case None:
            return Verdict.PASSED, None
        case "time_limit":
            return Verdict.TIMED_OUT, result.reason
        case "values" | "shape":
            return Verdict.INCORRECT, result.reason
        case _:
            return Verdict.CRASHED, result.reason


def _timing(samples_ms: tuple[float, ...], texts: dict[Digest, str]) -> Timing | None:
    if not samples_ms:
        return None
    _kept(samples_of(samples_ms), texts)
    return timing_of(samples_ms)


def _kept(text: str, texts: dict[Digest, str]) -> Digest:
    texts[digest_of(text)] = text
    return digest_of(text)
