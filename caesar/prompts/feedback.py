"""Turns what became of a turn into the text that later prompts show.

Derived from the turn alone, and only from what `show` names: above all, the hardware's name is
said under `hardware` or not at all. Wording is the templates'; numbers, cleaning and cutting are
decided here, so that a user's template can't leak or flood.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from caesar.domain import Baseline, Evaluation, Feedback, Verdict
from caesar.prompts.clean import cut, fence_for, scrubbed, visible
from caesar.prompts.history import TurnView
from caesar.prompts.texts import Templates

__all__ = ["FRAME_CHARS", "render_feedback"]

FRAME_CHARS = 4000
"""What sentences and numbers may take of a turn's feedback, beyond its one long piece."""

_SHORT_CHARS = 200
"""What a value inside a sentence may take."""

_SIGNALS = {
    "4": "SIGILL, illegal instruction",
    "6": "SIGABRT, aborted",
    "7": "SIGBUS, bus error",
    "8": "SIGFPE, arithmetic error such as an integer division by zero",
    "9": "SIGKILL, killed",
    "11": "SIGSEGV, segmentation fault",
    "13": "SIGPIPE, broken pipe",
    "15": "SIGTERM, terminated",
}
"""Linux's numbers for the signals a candidate dies of."""

_Facts = Mapping[str, object]


def render_feedback(templates: Templates, *, show: Sequence[Feedback], turn: TurnView, max_chars: int) -> str:
    """The feedback on a turn: at most max_chars + FRAME_CHARS characters, empty if there is none.

    Each piece is cleaned and cut to max_chars on its own. The order is fixed, whatever `show`'s.
    The device's name is known, and so kept out, from the evaluation only: what a build says of
    the machine it ran on is not recognised.
    """
    evaluation = turn.evaluation
    hidden = None if evaluation is None or Feedback.HARDWARE in show else evaluation.environment.device_name
    quote = _Quote(max_chars, hidden)
    pieces = ((piece, find(turn, quote)) for piece, find in _PIECES.items() if piece in show)
    sections = (templates.render(f"feedback_{piece}.j2", **facts) for piece, facts in pieces if facts)
    text = "\n\n".join(section for section in sections if section)
    return cut(text, max_chars=max_chars + FRAME_CHARS)


@dataclass(frozen=True, slots=True)
class _Quote:
    """How untrusted text enters feedback."""

    max_chars: int
    hidden: str | None
    """The hardware's name, where it must not be told."""

    def line(self, text: str) -> str:
        """One short line for use inside a sentence."""
        return cut(" ".join(self._safe(text).split()), max_chars=_SHORT_CHARS).replace("\n", " ")

    def block(self, text: str | None) -> str:
        """A fenced block that its content can't end; empty where nothing is left to show."""
        safe = self._safe(text or "").strip("\n").rstrip()
        if not safe:
            return ""
        content = cut(re.sub("`{9,}", "`" * 8, safe), max_chars=self.max_chars)
        fence = fence_for(content)
        return f"{fence}text\n{content}\n{fence}"

    def _safe(self, text: str) -> str:
        return scrubbed(visible(text), self.hidden)


def _verdict(turn: TurnView, quote: _Quote) -> _Facts | None:
    if turn.outcome is None:
        return None
    evaluation = turn.evaluation
    said = turn.build_reason if evaluation is None else evaluation.reason
    reason, _, argument = quote.line(said or "").partition(":")
    return {
        "outcome": turn.outcome,
        "reason": reason,
        "argument": argument,
        "signal": _SIGNALS.get(argument, f"signal {argument}"),
        "trials": evaluation.trials if evaluation else 0,
        "trials_passed": evaluation.trials_passed if evaluation else 0,
        "finding": quote.line(_deciding(evaluation)),
        "is_flaky": evaluation is not None and any(one.kind == "flaky" for one in evaluation.findings),
        "detail": "" if turn.outcome == Verdict.PASSED else quote.block(turn.detail),
    }


def _deciding(evaluation: Evaluation | None) -> str:
    """What was found that made the candidate incorrect; empty where no finding did."""
    found = evaluation.findings if evaluation else ()
    return next((finding.detail for finding in found if evaluation and finding.kind == evaluation.reason), "")


def _build_log(turn: TurnView, quote: _Quote) -> _Facts | None:
    if turn.outcome not in {"build_failed", "build_timed_out"}:
        return None
    log = quote.block(turn.build_log)
    return {"log": log} if log else None


def _mismatch(turn: TurnView, quote: _Quote) -> _Facts | None:
    evaluation = turn.evaluation
    if evaluation is None or evaluation.mismatch is None:
        return None
    mismatch = evaluation.mismatch
    return {
        "kind": mismatch.kind,
        "expected": quote.line(mismatch.expected),
        "got": quote.line(mismatch.got),
        "index": None if mismatch.index is None else quote.line(str(list(mismatch.index))),
        "wrong_share": _percent(mismatch.wrong_share),
        "max_abs_error": quote.line(mismatch.max_abs_error or ""),
        "nonfinite": mismatch.nonfinite,
        "pattern": quote.line(mismatch.pattern or ""),
        "output": mismatch.output,
    }


def _runtime(turn: TurnView, _: _Quote) -> _Facts | None:
    evaluation = turn.evaluation
    if evaluation is None or evaluation.timing is None:
        return None
    timing = evaluation.timing
    return {"median_ms": _significant(timing.median_ms, digits=4), "trials": timing.trials}


def _baseline(turn: TurnView, quote: _Quote) -> _Facts | None:
    evaluation = turn.evaluation
    if evaluation is None or not evaluation.baselines:
        return None
    baselines = [_baseline_facts(baseline, quote) for baseline in evaluation.baselines]
    return {"baselines": baselines, **_comparison(evaluation.speedup)}


def _baseline_facts(baseline: Baseline, quote: _Quote) -> _Facts:
    median_ms = _significant(baseline.timing.median_ms, digits=4)
    return {"name": quote.line(baseline.name), "median_ms": median_ms, "trials": baseline.timing.trials}


def _comparison(speedup: float | None) -> _Facts:
    """How a candidate compares, its ratio always above 1; a ratio that rounds to 1 is a tie."""
    if not speedup or not math.isfinite(speedup):
        return {"ratio": None, "faster": False, "same": False}
    ratio = _significant(max(speedup, 1 / speedup), digits=3)
    same = ratio == _significant(1.0, digits=3)
    return {"ratio": None if same else ratio, "faster": speedup > 1, "same": same}


def _hardware(turn: TurnView, quote: _Quote) -> _Facts | None:
    evaluation = turn.evaluation
    return None if evaluation is None else {"device": quote.line(evaluation.environment.device_name)}


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{_significant(100 * share, digits=3)}%"


def _significant(value: float, *, digits: int) -> str:
    """A non-negative number in plain decimals, rounded to so many significant digits or to units."""
    if not value or not math.isfinite(value):
        return f"{value:g}"
    decimals = digits - 1 - math.floor(math.log10(value))
    return f"{value:.{min(max(decimals, 0), 12)}f}"


_PIECES: Mapping[Feedback, Callable[[TurnView, _Quote], _Facts | None]] = {
    Feedback.VERDICT: _verdict,
    Feedback.BUILD_LOG: _build_log,
    Feedback.MISMATCH: _mismatch,
    Feedback.RUNTIME: _runtime,
    Feedback.BASELINE: _baseline,
    Feedback.HARDWARE: _hardware,
}
"""What each piece's template, feedback_NAME.j2, is given: None where the turn has nothing of the kind."""
