"""From the digests of a trajectory to the texts that prompts and feedback are rendered from."""

from __future__ import annotations

from collections.abc import Mapping

from caesar.domain import Digest
from caesar.effects import Message
from caesar.engine.world import World
from caesar.fsm.trajectory import Trajectory, Turn
from caesar.prompts.feedback import render_feedback
from caesar.prompts.history import TurnView, shown
from caesar.prompts.render import render_prompt

__all__ = ["feedback_of", "prompt_of", "turn_view"]


def feedback_of(world: World, turn: Turn) -> str:
    """The text that later prompts and reports show for a turn, derived from its outcomes alone."""
    return render_feedback(
        world.templates,
        show=world.spec.context.show,
        turn=turn_view(world, turn),
        max_chars=world.spec.limits.max_feedback_chars,
    )


def prompt_of(world: World, trajectory: Trajectory) -> tuple[Message, ...]:
    """The prompt of the current turn, from the turns before it."""
    context = world.spec.context
    ended = [turn for turn in trajectory.turns if turn.feedback is not None]
    views = [turn_view(world, turn) for turn in shown(context.history, ended)]
    return render_prompt(
        world.templates,
        problem=world.problems[trajectory.problem],
        backend=world.backend,
        context=context,
        turns=views,
        examples=world.spec.examples,
        precision=world.spec.evaluation.precision,
        max_feedback_chars=world.spec.limits.max_feedback_chars,
        device_name=world.device_name,
    )


def turn_view(world: World, turn: Turn) -> TurnView:
    """A turn with its texts, read from the log."""
    texts = world.log.texts(_named(turn))
    return TurnView(
        number=turn.number,
        outcome=turn.outcome,
        candidate=_text(texts, turn.candidate),
        build_log=_text(texts, turn.build.log if turn.build else None),
        build_reason=turn.build.reason if turn.build else None,
        evaluation=turn.evaluation,
        detail=_text(texts, turn.evaluation.detail if turn.evaluation else None),
        feedback=_text(texts, turn.feedback),
    )


def _named(turn: Turn) -> tuple[Digest, ...]:
    log = turn.build.log if turn.build else None
    detail = turn.evaluation.detail if turn.evaluation else None
    return tuple(digest for digest in (turn.candidate, log, detail, turn.feedback) if digest is not None)


def _text(texts: Mapping[Digest, str], digest: Digest | None) -> str | None:
    return None if digest is None else texts[digest]
