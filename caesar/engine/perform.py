"""Performing a request: record that it was made, do it, record what came of it.

This is the boundary between verdicts and faults, and the only place that catches whatever an
adapter lets escape: it becomes a recorded fault of kind `internal`. A failure of the log itself is
not caught: nothing may go on that can't be recorded.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import TypeVar

from caesar.domain import Candidate, Digest, GenerationOutcome, Usage, digest_of, storable
from caesar.effects import (
    Build,
    Built,
    Condition,
    Evaluate,
    Evaluated,
    Generate,
    Generated,
    Grant,
    Message,
    Request,
)
from caesar.engine.memory import Known, conditions, is_costly
from caesar.engine.retry import retry_at
from caesar.engine.world import World, record
from caesar.errors import Fault
from caesar.events import (
    BuildCompleted,
    BuildFaulted,
    BuildRequested,
    EvaluationCompleted,
    EvaluationFaulted,
    EvaluationRecalled,
    EvaluationRequested,
    GenerationCompleted,
    GenerationFaulted,
    GenerationRequested,
    LeaseGranted,
    LeaseReleased,
    PromptPart,
)
from caesar.fsm.trajectory import Open, Trajectory
from caesar.prompts.extract import candidate_in

__all__ = ["close", "condition_after", "estimated", "perform"]

T = TypeVar("T")
_log = logging.getLogger(__name__)


async def perform(world: World, trajectory: Trajectory, request: Request, *, attempt: int) -> Trajectory:
    """The trajectory's state once the request was answered or faulted, and that recorded."""
    known = _recalled(world, trajectory) if request.action == "evaluate" else None
    if known is not None:
        return await _recall(world, trajectory, request, attempt=attempt, known=known)
    lane, act = {
        "generate": (world.lanes.models, _generate),
        "build": (world.lanes.builds, _build),
        "evaluate": (world.lanes.devices.of(_affinity(world, trajectory)), _evaluate),
    }[request.action]
    async with lane:
        if world.draining.is_set():
            return trajectory
        return await act(world, trajectory, request, attempt=attempt)


async def close(
    world: World, trajectory: Trajectory, opened: Open, *, lease: LeaseGranted | None
) -> Trajectory:
    """Close a request that was in flight when its process died, so that it is asked again at once."""
    if lease is not None:
        released = LeaseReleased(lease.request, lease.device, lease.token, held_s=None)
        trajectory = await record(world, trajectory, released)
    message = "the process that had asked ended before the answer was recorded"
    now_us = world.clock.now_us()
    match opened.action:
        case "generate":
            spent = estimated(world.rendering.prompt(trajectory))
            event = GenerationFaulted(opened.request, opened.attempt, "reply_unknown", message, now_us, spent)
            return await record(world, trajectory, event)
        case "build":
            built = BuildFaulted(opened.request, opened.attempt, "interrupted", message, now_us)
            return await record(world, trajectory, built)
        case _:
            judged = EvaluationFaulted(opened.request, opened.attempt, "interrupted", message, now_us)
            return await record(world, trajectory, judged)


async def _generate(world: World, trajectory: Trajectory, request: Request, *, attempt: int) -> Trajectory:
    messages = world.rendering.prompt(trajectory)
    seed = trajectory.seed + request.turn
    prompt = tuple(PromptPart(message.role, tuple(map(digest_of, message.parts))) for message in messages)
    asked = GenerationRequested(request.id, attempt, request.turn, world.spec.model.name, prompt, seed)
    texts = tuple(part for message in messages for part in message.parts)
    trajectory = await record(world, trajectory, asked, *texts)
    effect = Generate(
        request, trajectory.problem, trajectory.sample, messages=messages, model=world.spec.model, seed=seed
    )
    started_us = world.clock.now_us()
    answer = await _attempt(world.model.generate(effect))
    if isinstance(answer, Fault):
        due = _retry_at(world, trajectory, request, fault=answer)
        event = GenerationFaulted(request.id, attempt, answer.kind, storable(str(answer)), due, Usage())
        return await record(world, trajectory, event)
    return await _generated(world, trajectory, asked, answer=answer, seconds=_since(world, started_us))


async def _generated(
    world: World, trajectory: Trajectory, asked: GenerationRequested, *, answer: Generated, seconds: float
) -> Trajectory:
    completion = storable(answer.text)
    reasoning = None if answer.reasoning is None else storable(answer.reasoning)
    source = candidate_in(completion)
    event = GenerationCompleted(
        request=asked.request,
        attempt=asked.attempt,
        outcome=GenerationOutcome.NO_CODE if source is None else GenerationOutcome.CANDIDATE,
        completion=digest_of(completion),
        reasoning=None if reasoning is None else digest_of(reasoning),
        candidate=None if source is None else digest_of(source),
        model=answer.model,
        finish_reason=answer.finish_reason,
        usage=answer.usage,
        seconds=seconds,
    )
    texts = (text for text in (completion, reasoning, source) if text is not None)
    return await record(world, trajectory, event, *texts)


async def _build(world: World, trajectory: Trajectory, request: Request, *, attempt: int) -> Trajectory:
    candidate = _candidate(world, trajectory)
    trajectory = await record(world, trajectory, BuildRequested(request.id, attempt, candidate.digest))
    effect = Build(
        request,
        candidate,
        backend=world.backend,
        limits=world.spec.limits,
        problem=world.problems[trajectory.problem],
    )
    answer = await _attempt(world.builder.build(effect))
    if isinstance(answer, Fault):
        due = _retry_at(world, trajectory, request, fault=answer)
        event = BuildFaulted(request.id, attempt, answer.kind, storable(str(answer)), due)
        return await record(world, trajectory, event)
    return await _built(world, trajectory, request, attempt=attempt, answer=answer)


async def _built(
    world: World, trajectory: Trajectory, request: Request, *, attempt: int, answer: Built
) -> Trajectory:
    log = storable(answer.log)
    full_log = None if answer.full_log is None else storable(answer.full_log)
    event = BuildCompleted(
        request=request.id,
        attempt=attempt,
        outcome=answer.outcome,
        artifact=answer.artifact,
        log=digest_of(log),
        reason=answer.reason,
        cached=answer.cached,
        seconds=answer.seconds,
        full_log=None if full_log is None else digest_of(full_log),
        headers=answer.headers,
        dropped=tuple(map(storable, answer.dropped)),
    )
    texts = (log,) if full_log is None else (log, full_log)
    return await record(world, trajectory, event, *texts)


async def _evaluate(world: World, trajectory: Trajectory, request: Request, *, attempt: int) -> Trajectory:
    candidate = _candidate(world, trajectory)
    artifact = _artifact(trajectory)
    asked = EvaluationRequested(request.id, attempt, candidate.digest, artifact)
    trajectory = await record(world, trajectory, asked)
    effect = Evaluate(
        request,
        world.problems[trajectory.problem],
        candidate=candidate,
        artifact=artifact,
        backend=world.backend,
        settings=world.spec.evaluation,
        limits=world.spec.limits,
    )
    affinity = _affinity(world, trajectory)
    grant = await _attempt(world.devices.acquire(request.id, affinity=affinity))
    if isinstance(grant, Fault):
        return await _not_evaluated(world, trajectory, asked, request=request, fault=grant)
    known = _recalled(world, trajectory)  # it may have been judged while this one waited
    if known is not None:
        await _attempt(world.devices.release(grant))
        return await _answered_from_log(world, trajectory, asked, known=known)
    return await _evaluate_on(world, trajectory, asked, effect=effect, grant=grant)


async def _evaluate_on(
    world: World, trajectory: Trajectory, asked: EvaluationRequested, *, effect: Evaluate, grant: Grant
) -> Trajectory:
    started_us = world.clock.now_us()
    condition = Condition.HUNG  # unless it comes to an end that says otherwise: a cancelled one is probed
    try:
        granted = LeaseGranted(asked.request, grant.device, grant.token, grant.waited_s)
        trajectory = await record(world, trajectory, granted)
        answer = await _attempt(world.evaluator.evaluate(effect, grant))
        condition = condition_after(answer)
    finally:
        held = await _attempt(world.devices.release(grant, condition=condition))
    held_s = None if isinstance(held, Fault) else held
    trajectory = await record(
        world, trajectory, LeaseReleased(asked.request, grant.device, grant.token, held_s)
    )
    if isinstance(held, Fault):  # the grant was no longer current, so the result does not count
        answer = held
    if isinstance(answer, Fault):
        return await _not_evaluated(world, trajectory, asked, request=effect.request, fault=answer)
    return await _evaluated(world, trajectory, asked, answer=answer, seconds=_since(world, started_us))


def condition_after(answer: Evaluated | Fault) -> Condition:
    """In which condition a device is given back after such an answer."""
    if isinstance(answer, Evaluated):
        return Condition.HUNG if is_costly(answer.evaluation) else Condition.SOUND
    kinds = {"device": Condition.HUNG, "hardware": Condition.BROKEN, "survivors": Condition.SURVIVORS}
    return kinds.get(answer.kind, Condition.SOUND)


def _recalled(world: World, trajectory: Trajectory) -> Known | None:
    """What is known of the candidate already, where it is not worth a device again."""
    if world.memory is None or world.draining.is_set():
        return None
    candidate, problem = trajectory.current.candidate, world.problems[trajectory.problem].digest
    assert candidate is not None
    return world.memory.recall(candidate, problem=problem, under=_conditions(world, trajectory))


async def _recall(
    world: World, trajectory: Trajectory, request: Request, *, attempt: int, known: Known
) -> Trajectory:
    """Answer from the log, without waiting for a device."""
    candidate = trajectory.current.candidate
    assert candidate is not None
    asked = EvaluationRequested(request.id, attempt, candidate, _artifact(trajectory))
    trajectory = await record(world, trajectory, asked)
    return await _answered_from_log(world, trajectory, asked, known=known)


async def _answered_from_log(
    world: World, trajectory: Trajectory, asked: EvaluationRequested, *, known: Known
) -> Trajectory:
    """What answers the request, and the same evaluation again."""
    recalled = EvaluationRecalled(asked.request, asked.attempt, answered_by=known.request)
    trajectory = await record(world, trajectory, recalled)
    evaluation = known.evaluation
    completed = EvaluationCompleted(asked.request, asked.attempt, evaluation.verdict, evaluation, seconds=0.0)
    return await record(world, trajectory, completed)


def _conditions(world: World, trajectory: Trajectory) -> Digest:
    problem = world.problems[trajectory.problem].digest
    return conditions(world.spec, problem=problem, evaluator=world.evaluator.version)


_affinity = _conditions
"""Work under equal conditions shares a judge: its reference, baselines and buffers."""


def _artifact(trajectory: Trajectory) -> str:
    built = trajectory.current.build
    assert built is not None
    assert built.artifact is not None
    return built.artifact


async def _evaluated(
    world: World, trajectory: Trajectory, asked: EvaluationRequested, *, answer: Evaluated, seconds: float
) -> Trajectory:
    if world.memory is not None:
        known = Known(asked.request, answer.evaluation)
        world.memory.note(asked.candidate, under=_conditions(world, trajectory), known=known)
    event = EvaluationCompleted(
        asked.request,
        asked.attempt,
        outcome=answer.evaluation.verdict,
        evaluation=answer.evaluation,
        seconds=seconds,
    )
    return await record(world, trajectory, event, *answer.texts.values())


async def _not_evaluated(
    world: World, trajectory: Trajectory, asked: EvaluationRequested, *, request: Request, fault: Fault
) -> Trajectory:
    due = _retry_at(world, trajectory, request, fault=fault)
    event = EvaluationFaulted(asked.request, asked.attempt, fault.kind, storable(str(fault)), due)
    return await record(world, trajectory, event)


async def _attempt(work: Awaitable[T]) -> T | Fault:
    try:
        return await work
    except Fault as fault:
        return fault
    except Exception as error:  # noqa: BLE001 (the one boundary: whatever escapes an adapter is recorded)
        _log.exception("an adapter raised what it should have turned into a fault")
        return Fault("internal", f"{type(error).__name__}: {error}")


def _retry_at(world: World, trajectory: Trajectory, request: Request, *, fault: Fault) -> int | None:
    return retry_at(fault, tries=trajectory.tries, request=request.id, now_us=world.clock.now_us())


def _since(world: World, started_us: int) -> float:
    return (world.clock.now_us() - started_us) / 1e6


def _candidate(world: World, trajectory: Trajectory) -> Candidate:
    digest = trajectory.current.candidate
    assert digest is not None
    return Candidate(world.log.texts([digest])[digest])


def estimated(messages: tuple[Message, ...]) -> Usage:
    """What an unanswered prompt may have cost: four characters to a token, no output, no price."""
    return Usage(input_tokens=sum(len(message.text) for message in messages) // 4)
