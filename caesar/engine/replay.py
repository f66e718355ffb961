"""Replay: recorded outcomes folded through today's code, and every event compared with what it gives.

Nothing is performed: no model, compiler or device is touched. What the world answered (completions,
builds, evaluations, leases, faults, instants) is taken from the log; everything else (decisions,
prompts, candidates found in completions, feedback, results) is derived again, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

_DECIDED = (
    StateEntered,
    TurnBegun,
    TurnEnded,
    BudgetExhausted,
    TrajectoryFinished,
    TrajectorySuspended,
    GenerationRequested,
    BuildRequested,
    EvaluationRequested,
)

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
    decoded = [(envelope, envelope.event) for envelope in envelopes]
    known = dict(texts([*_answers(event for _, event in decoded), *_shared(trajectory)]))
    following = _Following(now, replace(now.rendering, texts=lambda _: known), known)
    machines = _machines(now, [event for _, event in decoded])
    turns = 0
    for (envelope, event), machine in zip(decoded, machines, strict=True):
        following = following.on(now.device_name_at(envelope.recorded_at_us))
        derived = following.derive(trajectory, event, machine=machine, at_us=envelope.recorded_at_us)
        body = current(envelope.kind, envelope.v, envelope.body)
        if derived.event is None or derived.event.kind != envelope.kind or canonical(derived.event) != body:
            found = diverging(envelope, derived, turn=len(trajectory.turns), texts=texts)
            return Replayed(stream, envelope.version, turns, found)
        known.update(derived.texts)
        trajectory = evolve(trajectory, event, at_us=envelope.recorded_at_us, digest=envelope.digest)
        turns += envelope.kind == TurnEnded.kind
    return Replayed(stream, len(envelopes), turns, None)


def _machines(now: Today, events: Sequence[Event]) -> list[Machine]:
    """The machine at each event: a trajectory that was extended later had fewer turns before."""
    machine, extended = now.machine, False
    backwards: list[Machine] = []
    for event in reversed(events):
        if isinstance(event, BudgetExhausted) and event.budget == "turns" and extended and not now.other:
            machine = replace(machine, budget=replace(machine.budget, turns=int(event.limit)))
            extended = False
        extended = extended or isinstance(event, TrajectoryExtended)
        backwards.append(machine)
    return backwards[::-1]


def _answers(events: Iterator[Event]) -> Iterator[Digest]:
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
    rendering: Rendering
    known: Mapping[Digest, str]
    """The texts of the trajectory so far, from which is rendered."""

    def on(self, device_name: str) -> _Following:
        """The same, with prompts that give the hardware this name."""
        if device_name == self.rendering.device_name:
            return self
        return replace(self, rendering=replace(self.rendering, device_name=device_name))

    def derive(self, trajectory: Trajectory, event: Event, *, machine: Machine, at_us: int) -> Derived:
        """What today's code gives where the event was recorded."""
        match event:
            case TrajectoryResumed() | TrajectoryExtended():
                return Derived(event)  # the world's: a process took the trajectory up
            case TrajectoryStarted() | TrajectoryForked():
                return self._opening(trajectory, event)
            case _ if trajectory.open is not None:
                return self._answered(trajectory, trajectory.open, event)
        decision = decide(machine, trajectory, now_us=_now(trajectory, event, at_us=at_us))
        return self._decided(trajectory, event, decision)

    def _opening(self, trajectory: Trajectory, event: Event) -> Derived:
        member = self.now.members.get(trajectory.stream)
        if self.now.other:
            return Derived(event)
        return Derived(member.opening if member else None, instead="the run has no such trajectory")

    def _decided(self, trajectory: Trajectory, event: Event, decision: Decision) -> Derived:
        match decision:
            case Record(decided):
                return Derived(decided)
            case EndTurn(turn):
                return self._ended(turn)
            case Perform(request, attempt):
                return self._requested(trajectory, request, event, attempt=attempt)
            case Close():
                return Derived(None, instead="an answer to what was asked")
            case Wait(until_us):
                return Derived(None, instead=f"nothing before {until_us} us")
            case Stop():
                return Derived(None, instead=f"nothing: the trajectory is {trajectory.status}")
            case _:
                assert_never(decision)

    def _ended(self, turn: Turn) -> Derived:
        feedback = self.rendering.feedback(turn)
        digest = digest_of(feedback)
        return Derived(TurnEnded(turn.number, turn.outcome, digest), {digest: feedback})

    def _requested(self, trajectory: Trajectory, request: Request, event: Event, *, attempt: int) -> Derived:
        candidate = trajectory.current.candidate
        match request.action:
            case "generate":
                return self._asked(trajectory, request, event, attempt=attempt)
            case "build" if candidate is not None:
                return Derived(BuildRequested(request.id, attempt, candidate))
        built = trajectory.current.build
        if candidate is None or built is None or built.artifact is None:
            return Derived(None, instead=f"{request.action}, for which the turn has nothing")
        return Derived(EvaluationRequested(request.id, attempt, candidate, built.artifact))

    def _asked(self, trajectory: Trajectory, request: Request, event: Event, *, attempt: int) -> Derived:
        messages = self.rendering.prompt(trajectory)
        prompt = tuple(PromptPart(message.role, tuple(map(_digest, message.parts))) for message in messages)
        model, seed = self.now.spec.model.name, trajectory.seed + request.turn
        if self.now.other and isinstance(event, GenerationRequested):
            model = event.model
        asked = GenerationRequested(request.id, attempt, request.turn, model, prompt, seed)
        return Derived(asked, messages=messages)

    def _answered(self, trajectory: Trajectory, opened: Open, event: Event) -> Derived:
        if isinstance(event, _DECIDED):
            return Derived(None, instead=f"an answer to {opened.request}")
        if not isinstance(event, _Answer):
            return Derived(event)  # the world's too, of a kind with nothing to derive
        if isinstance(event, LeaseGranted | LeaseReleased):
            return Derived(event if event.request == opened.request else replace(event, request=opened.request))
        if (event.request, event.attempt) != (opened.request, opened.attempt):
            return Derived(replace(event, request=opened.request, attempt=opened.attempt))
        return self._completed(trajectory, event)

    def _completed(self, trajectory: Trajectory, event: _Answer) -> Derived:
        match event:
            case GenerationCompleted():
                return self._taken_from(event)
            case GenerationFaulted(fault="reply_unknown"):
                return Derived(replace(event, usage=estimated(self.rendering.prompt(trajectory))))
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


def _now(trajectory: Trajectory, event: Event, *, at_us: int) -> int:
    """An instant at which the decision was taken, as far as it matters."""
    last_us = trajectory.last_us or 0
    if isinstance(event, BudgetExhausted) and event.budget == "wall":
        return last_us + round(event.spent * 1e6) - trajectory.active_us
    if trajectory.failed is not None:
        return max(at_us, trajectory.failed.retry_at_us or 0)
    return last_us
