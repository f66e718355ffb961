"""From the digests of a trajectory to the texts that prompts and feedback are rendered from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from caesar.domain import Digest, Problem
from caesar.effects import Backend, Message
from caesar.fsm.spec import Spec
from caesar.fsm.trajectory import Trajectory, Turn
from caesar.prompts.feedback import render_feedback
from caesar.prompts.history import TurnView, shown
from caesar.prompts.render import Templates, render_prompt

__all__ = ["Rendering"]


@dataclass(frozen=True, slots=True)
class Rendering:
    """What prompts and feedback depend on, apart from the trajectory: equal values render equal texts."""

    texts: Callable[[Sequence[Digest]], Mapping[Digest, str]]
    """The log's texts, by digest."""
    spec: Spec
    templates: Templates
    problems: Mapping[str, Problem]
    """The run's problems, by id."""
    backend: Backend
    device_name: str
    """The hardware's name, for prompts that ask for it."""

    def feedback(self, turn: Turn) -> str:
        """The text that later prompts and reports show for a turn, derived from its outcomes alone."""
        return render_feedback(
            self.templates,
            show=self.spec.context.show,
            turn=self._view(turn),
            max_chars=self.spec.limits.max_feedback_chars,
        )

    def prompt(self, trajectory: Trajectory) -> tuple[Message, ...]:
        """The prompt of the current turn, from the turns before it.

        Feedback on turns that a fork shares is rendered as the fork's own spec shows it.
        """
        context = self.spec.context
        ended = [turn for turn in trajectory.turns if turn.feedback is not None]
        views = [
            self._foreign(turn) if turn.number <= trajectory.shared else self._view(turn)
            for turn in shown(context.history, ended)
        ]
        return render_prompt(
            self.templates,
            problem=self.problems[trajectory.problem],
            backend=self.backend,
            context=context,
            turns=views,
            examples=self.spec.examples,
            precision=self.spec.evaluation.precision,
            max_feedback_chars=self.spec.limits.max_feedback_chars,
            device_name=self.device_name,
        )

    def _foreign(self, turn: Turn) -> TurnView:
        """A turn of a fork's parent, whose feedback was rendered for another spec."""
        return replace(self._view(turn), feedback=None)

    def _view(self, turn: Turn) -> TurnView:
        texts = self.texts(_named(turn))
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
