"""Replay: recorded outcomes folded through today's code, and every event compared with what it gives.

Nothing is performed: no model, compiler or device is touched. What the world answered (completions,
builds, evaluations, leases, faults, instants) is taken from the log; everything else (decisions,
prompts, candidates found in completions, feedback, results) is derived again, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import assert_never

from caesar.domain import Digest, GenerationOutcome, digest_of
from caesar.effects import Request
from caesar.engine.divergence import Derived, Divergence, diverging
from caesar.engine.fork import Read, before
from caesar.engine.perform import estimated
from caesar.engine.resume import Texts
from caesar.engine.today import Today
from caesar.engine.views import Rendering
from caesar.events import (
    BudgetExhausted,
    BuildCompleted,
    BuildFaulted,
    BuildRequested,
    Envelope,
    EvaluationCompleted,
    EvaluationFaulted,
    EvaluationRequested,
    Event,
    GenerationCompleted,
    GenerationFaulted,
    GenerationRequested,
    LeaseGranted,
    LeaseReleased,
    PromptPart,
    StateEntered,
    TrajectoryExtended,
    TrajectoryFinished,
    TrajectoryForked,
    TrajectoryResumed,
    TrajectoryStarted,
    TrajectorySuspended,
    TurnBegun,
    TurnEnded,
    canonical,
    current,
)
from caesar.fsm.machine import (
    Close,
    Decision,
    EndTurn,
    Machine,
    Perform,
    Record,
    Stop,
    Wait,
    decide,
)
from caesar.fsm.trajectory import Open, Trajectory, Turn, evolve
from caesar.prompts.extract import candidate_in

__all__ = ["Replayed", "replay"]

_Answer = (
    LeaseGranted
    | LeaseReleased
    | GenerationCompleted
    | GenerationFaulted
    | BuildCompleted
    | BuildFaulted
    | EvaluationCompleted
    | EvaluationFaulted
)

_DECIDED = frozenset({
    StateEntered.kind,
    TurnBegun.kind,
    TurnEnded.kind,
    BudgetExhausted.kind,
    TrajectoryFinished.kind,
    TrajectorySuspended.kind,
    GenerationRequested.kind,
    BuildRequested.kind,
    EvaluationRequested.kind,
})  # fmt: skip
"""What the program decides by itself: compared as bytes, and decoded only where something is taken from it."""

_digest = lru_cache(maxsize=4096)(digest_of)
"""Prompts repeat their parts: the problem, the example, the earlier turns."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one trajectory's replay."""

    stream: str
    events: int
    """How many were compared, the diverging one included."""
    turns: int
    divergence: Divergence | None


def replay(now: Today, stream: str, *, read: Read, texts: Texts) -> Replayed:
    """Fold a trajectory's recorded outcomes through today's code up to the first event that differs.

    StoreError where the stream, an ancestor or a text is damaged.
    """
    envelopes = read(stream)
    trajectory = before(read, stream, envelopes) or Trajectory(stream)
    told = {envelope.version: envelope.event for envelope in envelopes if envelope.kind not in _DECIDED}
    known = dict(texts([*_answers(told.values()), *_shared(trajectory)]))
    following = _Following(now, _renderings(now, known), known)
    turns = 0
    for envelope, machine in zip(envelopes, _machines(now, envelopes), strict=True):
        derived = following.derive(trajectory, envelope, told.get(envelope.version), machine=machine)
        body = current(envelope.kind, envelope.v, envelope.body)
        if derived.event is None or derived.event.kind != envelope.kind or canonical(derived.event) != body:
            found = diverging(envelope, derived, turn=len(trajectory.turns), texts=texts)
            return Replayed(stream, envelope.version, turns, found)
        known.update(derived.texts)
        trajectory = evolve(trajectory, derived.event, at_us=envelope.recorded_at_us, digest=envelope.digest)
        turns += envelope.kind == TurnEnded.kind
    return Replayed(stream, len(envelopes), turns, None)


def _renderings(now: Today, known: Mapping[Digest, str]) -> dict[str, Rendering]:
    """What renders from the known texts, by the name that it gives the hardware."""
    return {name: replace(now.rendering, texts=lambda _: known, device_name=name) for name in now.device_names}


def _machines(now: Today, envelopes: Sequence[Envelope]) -> list[Machine]:
    """The machine at each event: a trajectory that was extended later had fewer turns before."""
    machine, extended = now.machine, False
    backwards: list[Machine] = []
    for envelope in reversed(envelopes):
        if extended and envelope.kind == BudgetExhausted.kind and not now.other:
            event = envelope.event
            if isinstance(event, BudgetExhausted) and event.budget == "turns":
                machine = replace(machine, budget=replace(machine.budget, turns=int(event.limit)))
                extended = False
        extended = extended or envelope.kind == TrajectoryExtended.kind
        backwards.append(machine)
    return backwards[::-1]


def _answers(events: Iterable[Event]) -> Iterator[Digest]:
    """The texts that came from the world: completions, logs and what candidates left."""
    for event in events:
        match event:
            case GenerationCompleted():
                yield event.completion
            case BuildCompleted():
                yield event.log
            case EvaluationCompleted() if event.evaluation.detail is not None:
                yield event.evaluation.detail
            case _:
                pass


def _shared(trajectory: Trajectory) -> Iterator[Digest]:
    """The texts of the turns that a fork has from its parent."""
    for turn in trajectory.turns:
        named = (
            turn.candidate,
            turn.build.log if turn.build else None,
            turn.evaluation.detail if turn.evaluation else None,
            turn.feedback,
        )
        yield from (digest for digest in named if digest is not None)


@dataclass(frozen=True, slots=True)
class _Following:
    """Derives a trajectory's events, one after the other."""

    now: Today
    renderings: Mapping[str, Rendering]
    """By the name that prompts give the hardware."""
    known: Mapping[Digest, str]
    """The texts of the trajectory so far, from which is rendered."""

    def derive(
        self, trajectory: Trajectory, recorded: Envelope, told: Event | None, *, machine: Machine
    ) -> Derived:
        """What today's code gives where the event was recorded, which is `told` unless it was decided."""
        match told:
            case TrajectoryResumed() | TrajectoryExtended():
                return Derived(told)  # the world's: a process took the trajectory up
            case TrajectoryStarted() | TrajectoryForked():
                return self._opening(trajectory, told)
            case _ if trajectory.open is not None:
                return self._answered(trajectory, trajectory.open, told, at_us=recorded.recorded_at_us)
        decision = decide(machine, trajectory, now_us=_now(trajectory, recorded))
        return self._decided(trajectory, recorded, decision)

    def _rendering(self, at_us: int) -> Rendering:
        return self.renderings[self.now.device_name_at(at_us)]

    def _opening(self, trajectory: Trajectory, event: Event) -> Derived:
        member = self.now.members.get(trajectory.stream)
        if self.now.other:
            return Derived(event)
        return Derived(member.opening if member else None, instead="the run has no such trajectory")

    def _decided(self, trajectory: Trajectory, recorded: Envelope, decision: Decision) -> Derived:
        match decision:
            case Record(decided):
                return Derived(decided)
            case EndTurn(turn):
                return self._ended(turn, at_us=recorded.recorded_at_us)
            case Perform(request, attempt):
                return self._requested(trajectory, request, recorded, attempt=attempt)
            case Close():
                return Derived(None, instead="an answer to what was asked")
            case Wait(until_us):
                return Derived(None, instead=f"nothing before {until_us} us")
            case Stop():
                return Derived(None, instead=f"nothing: the trajectory is {trajectory.status}")
            case _:
                assert_never(decision)

    def _ended(self, turn: Turn, *, at_us: int) -> Derived:
        feedback = self._rendering(at_us).feedback(turn)
        digest = digest_of(feedback)
        return Derived(TurnEnded(turn.number, turn.outcome, digest), {digest: feedback})

    def _requested(
        self, trajectory: Trajectory, request: Request, recorded: Envelope, *, attempt: int
    ) -> Derived:
        candidate = trajectory.current.candidate
        match request.action:
            case "generate":
                return self._asked(trajectory, request, recorded, attempt=attempt)
            case "build" if candidate is not None:
                return Derived(BuildRequested(request.id, attempt, candidate))
        built = trajectory.current.build
        if candidate is None or built is None or built.artifact is None:
            return Derived(None, instead=f"{request.action}, for which the turn has nothing")
        return Derived(EvaluationRequested(request.id, attempt, candidate, built.artifact))

    def _asked(self, trajectory: Trajectory, request: Request, recorded: Envelope, *, attempt: int) -> Derived:
        messages = self._rendering(recorded.recorded_at_us).prompt(trajectory)
        prompt = tuple(PromptPart(message.role, tuple(map(_digest, message.parts))) for message in messages)
        model, seed = self.now.spec.model.name, trajectory.seed + request.turn
        if self.now.other and isinstance(event := recorded.event, GenerationRequested):
            model = event.model
        asked = GenerationRequested(request.id, attempt, request.turn, model, prompt, seed)
        return Derived(asked, messages=messages)

    def _answered(self, trajectory: Trajectory, opened: Open, event: Event | None, *, at_us: int) -> Derived:
        if event is None:
            return Derived(None, instead=f"an answer to {opened.request}")
        if not isinstance(event, _Answer):
            return Derived(event)  # the world's too, of a kind with nothing to derive
        if isinstance(event, LeaseGranted | LeaseReleased):
            return Derived(event if event.request == opened.request else replace(event, request=opened.request))
        if (event.request, event.attempt) != (opened.request, opened.attempt):
            return Derived(replace(event, request=opened.request, attempt=opened.attempt))
        return self._completed(trajectory, event, at_us=at_us)

    def _completed(self, trajectory: Trajectory, event: _Answer, *, at_us: int) -> Derived:
        match event:
            case GenerationCompleted():
                return self._taken_from(event)
            case GenerationFaulted(fault="reply_unknown"):
                return Derived(replace(event, usage=estimated(self._rendering(at_us).prompt(trajectory))))
            case EvaluationCompleted() if event.outcome != event.evaluation.verdict:
                return Derived(replace(event, outcome=str(event.evaluation.verdict)))
            case _:
                return Derived(event)

    def _taken_from(self, event: GenerationCompleted) -> Derived:
        source = candidate_in(self.known[event.completion])
        digest = None if source is None else digest_of(source)
        outcome = GenerationOutcome.NO_CODE if source is None else GenerationOutcome.CANDIDATE
        texts = {} if source is None or digest is None else {digest: source}
        if (event.outcome, event.candidate) == (outcome, digest):
            return Derived(event, texts)
        return Derived(replace(event, outcome=outcome, candidate=digest), texts)


def _now(trajectory: Trajectory, recorded: Envelope) -> int:
    """An instant at which the decision was taken, as far as it matters."""
    last_us = trajectory.last_us or 0
    if recorded.kind == BudgetExhausted.kind:
        event = recorded.event
        if isinstance(event, BudgetExhausted) and event.budget == "wall":
            return last_us + round(event.spent * 1e6) - trajectory.active_us
    if trajectory.failed is not None:
        return max(recorded.recorded_at_us, trajectory.failed.retry_at_us or 0)
    return last_us
