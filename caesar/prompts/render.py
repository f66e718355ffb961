"""Renders a trajectory's next prompt from its problem, its backend and its earlier turns.

A prompt is made of parts that are stored once each by digest. Whatever recurs from prompt to
prompt (problem, example, candidates, feedback) is therefore a part of its own, byte for byte the
text it came from; fences and headings are parts between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from caesar.domain import Context, Feedback, Problem
from caesar.effects import Backend, Message, Precision
from caesar.errors import UsageError
from caesar.prompts.clean import fence_for
from caesar.prompts.feedback import render_feedback
from caesar.prompts.history import TurnView, shown
from caesar.prompts.texts import Templates, shipped

__all__ = ["Templates", "render_prompt", "shipped"]


def render_prompt(
    templates: Templates,
    *,
    problem: Problem,
    backend: Backend,
    context: Context,
    turns: Sequence[TurnView],
    examples: str,
    precision: Precision,
    max_feedback_chars: int,
    device_name: str | None,
) -> tuple[Message, ...]:
    """A system and a user message that ask for the trajectory's next candidate.

    `turns` are all ended turns, oldest first; the context chooses among them. A turn's feedback
    is shown as it was rendered when the turn ended, or rendered now where it never was. What a
    turn came to shapes the closing instruction only where the context shows verdicts, and the
    device is named only where it shows hardware. UsageError where a template is missing or wrong.
    """
    history = _History(templates, context.show, max_feedback_chars)
    views = shown(context.history, turns)
    past = tuple(part for view in views for part in history.parts(view, latest=view is turns[-1]))
    hardware = device_name if Feedback.HARDWARE in context.show else None
    parts = (
        _task(templates, backend, precision=precision, device=hardware),
        *_example(templates, backend, examples=examples),
        *_code(_heading(templates, "problem.j2"), problem.source),
        *past,
        _heading(templates, "closing.j2", turns=len(views) if past else 0, outcome=history.outcome(views)),
    )
    return (Message("system", (templates.render("system.j2", backend=str(backend)),)), Message("user", parts))


def _task(templates: Templates, backend: Backend, *, precision: Precision, device: str | None) -> str:
    tolerance = f"{precision.tolerance:.0e}".replace("e-0", "e-")
    return templates.render(f"task_{backend}.j2", precision=precision.dtype, tolerance=tolerance, device=device)


def _example(templates: Templates, backend: Backend, *, examples: str) -> Iterator[str]:
    if examples == "none":
        return
    if examples != "builtin":
        raise UsageError(f"there are no examples called {examples}; use builtin or none")
    yield from _code(
        _heading(templates, "example_reference_heading.j2"), templates.text("example_reference.py")
    )
    yield from _code(
        _heading(templates, "example_candidate_heading.j2"), templates.text(f"example_{backend}.py")
    )


def _heading(templates: Templates, name: str, /, **values: object) -> str:
    """A rendered text with an empty line before it."""
    return "\n" + templates.render(name, **values)


def _code(heading: str, source: str) -> tuple[str, ...]:
    """Source as a part of its own, in a fence that it can't close."""
    fence = fence_for(source)
    return (heading, f"{fence}python", source, fence)


class _History:
    """Shows earlier turns under one context."""

    def __init__(self, templates: Templates, show: Sequence[Feedback], max_feedback_chars: int) -> None:
        self._templates = templates
        self._show = show
        self._max_feedback_chars = max_feedback_chars

    def parts(self, turn: TurnView, *, latest: bool) -> Iterator[str]:
        """A turn's parts; none where the context leaves nothing of it to show."""
        feedback = self._feedback(turn)
        shows_candidate = Feedback.CANDIDATE in self._show
        if not shows_candidate and not feedback:
            return
        candidate = turn.candidate if shows_candidate else None
        facts = {"number": turn.number, "latest": latest, "feedback": bool(feedback)}
        heading = _heading(self._templates, "turn.j2", candidate=candidate is not None, **facts)
        yield from (heading,) if candidate is None else _code(heading, candidate)
        if feedback:
            yield _heading(self._templates, "turn_feedback.j2")
            yield feedback

    def outcome(self, views: Sequence[TurnView]) -> str | None:
        """What the latest turn came to, as far as the context shows verdicts."""
        return views[-1].outcome if views and Feedback.VERDICT in self._show else None

    def _feedback(self, turn: TurnView) -> str:
        if all(piece is Feedback.CANDIDATE for piece in self._show):
            return ""
        if turn.feedback is not None:
            return turn.feedback
        return render_feedback(self._templates, show=self._show, turn=turn, max_chars=self._max_feedback_chars)
