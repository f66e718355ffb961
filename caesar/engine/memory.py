"""Candidates that cost a device dearly, so that none is paid for twice.

A candidate that hung, or that a device's error ended, is remembered by its digest and by everything
that may change its verdict. Any trajectory of the store that comes up with it again is answered from
the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from caesar.domain import Digest, Evaluation, Verdict, digest_of
from caesar.engine.plan import Run, fold_run
from caesar.errors import StoreError
from caesar.events import (
    Envelope,
    EvaluationCompleted,
    EvaluationRecalled,
    EvaluationRequested,
    canonical,
)
from caesar.fsm.spec import Spec, from_resolved
from caesar.ports import EventLog

__all__ = ["Known", "Memory", "conditions", "is_costly"]

_TOLD = {"evaluation_requested", "evaluation_recalled", "evaluation_completed"}


@dataclass(frozen=True, slots=True)
class Known:
    """An evaluation that need not be repeated, and the request it answered."""

    request: str
    evaluation: Evaluation


def is_costly(evaluation: Evaluation) -> bool:
    """Whether a candidate hung, or died on a GPU of what may be the device's doing."""
    if evaluation.verdict is Verdict.TIMED_OUT:
        return True
    on_gpu = not evaluation.environment.device.startswith("cpu:")
    signalled = (evaluation.reason or "").startswith("signal:")
    return evaluation.verdict is Verdict.CRASHED and on_gpu and signalled


def conditions(spec: Spec, *, problem: Digest, evaluator: str) -> Digest:
    """Everything besides candidate and hardware that may change a verdict."""
    return digest_of(
        canonical([problem, spec.evaluation, spec.limits.evaluate_s, spec.backend, evaluator]).decode()
    )


class Memory:
    """What is known of a store's costly candidates; learned problem by problem, when first asked.

    A candidate is known on hardware of a name; this process has the hardware that it was told of, and
    whatever its own evaluations ran on.
    """

    def __init__(self, log: EventLog, *, device_names: Iterable[str] = ()) -> None:
        self._log = log
        self._here = set(device_names)
        self._known: dict[tuple[Digest, Digest, str], Known] = {}
        self._learned: set[Digest] = set()
        self._runs: Sequence[Run] | None = None

    def recall(self, candidate: Digest, *, problem: Digest, under: Digest) -> Known | None:
        """What the candidate came to before under these conditions on our hardware, if that was costly."""
        if problem not in self._learned:
            self._learned.add(problem)
            self._learn(problem)
        found = (self._known.get((candidate, under, name)) for name in sorted(self._here))
        return next((known for known in found if known is not None), None)

    def note(self, candidate: Digest, *, under: Digest, known: Known) -> None:
        """Remember an evaluation of this process's, if it was costly; the first one counts."""
        self._here.add(known.evaluation.environment.device_name)
        self._keep(candidate, under=under, known=known)

    def _keep(self, candidate: Digest, *, under: Digest, known: Known) -> None:
        if is_costly(known.evaluation):
            name = known.evaluation.environment.device_name
            self._known.setdefault((candidate, under, name), known)

    def _learn(self, problem: Digest) -> None:
        for run in self._every_run():
            with suppress(StoreError):  # a damaged stream teaches nothing; `caesar verify` names it
                self._learn_from(run, problem)

    def _every_run(self) -> Sequence[Run]:
        if self._runs is None:
            names = (stream for stream in self._log.streams() if "/" not in stream)
            self._runs = tuple(run for run in map(self._run, names) if run is not None)
        return self._runs

    def _run(self, name: str) -> Run | None:
        with suppress(StoreError):
            return fold_run(self._log.read(name))
        return None

    def _learn_from(self, run: Run, problem: Digest) -> None:
        pinned = [each.id for each in run.problems if each.source == problem]
        if not pinned:
            return
        spec = from_resolved(msgspec.json.decode(self._log.texts([run.spec])[run.spec]))
        for name in pinned:
            for stream in self._log.streams(f"{run.id}/{name}/"):
                for candidate, known in _judged(self._log.read(stream)):
                    under = conditions(spec, problem=problem, evaluator=known.evaluation.evaluator)
                    self._keep(candidate, under=under, known=known)


def _judged(envelopes: Sequence[Envelope]) -> list[tuple[Digest, Known]]:
    """A trajectory's evaluations that were performed, with their candidates."""
    candidates: dict[str, Digest] = {}
    judged: list[tuple[Digest, Known]] = []
    for event in (envelope.event for envelope in envelopes if envelope.kind in _TOLD):
        match event:
            case EvaluationRequested():
                candidates[event.request] = event.candidate
            case EvaluationRecalled():
                del candidates[event.request]
            case EvaluationCompleted() if event.request in candidates:
                judged.append((candidates[event.request], Known(event.request, event.evaluation)))
            case _:
                pass
    return judged
