"""Timing a problem's reference alone: the baselines that candidates are measured against.

Imports torch: the judge only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle

import torch

from caesar.evaluators.bench import Bench
from caesar.evaluators.device import allow_tf32
from caesar.evaluators.reference import Model, secret_seed
from caesar.evaluators.statistics import settled

__all__ = ["baseline_ms"]

_WARM_UPS = 5
_TF32 = "+tf32"
_COMPILED = "compile:"
_DECIMALS = 6


def baseline_ms(bench: Bench, name: str, *, now: Callable[[], float]) -> tuple[float, ...]:
    """The milliseconds of the reference's calls, run in the way that the name says.

    Raises whatever torch.compile raises.
    """
    mode = name.removesuffix(_TF32)
    with _tf32(allowed=name.endswith(_TF32)):
        model = _compiled(bench.model, mode.removeprefix(_COMPILED)) if mode != "eager" else bench.model
        return _samples(bench, model, now=now)


def _samples(bench: Bench, model: Model, *, now: Callable[[], float]) -> tuple[float, ...]:
    """Calls until their mean is known, or the time for timing is spent; fresh inputs each."""
    stands = cycle(bench.stands)
    for _ in range(_WARM_UPS):
        _call_ms(bench, model, next(stands).release(secret_seed()))
    samples: list[float] = []
    started = now()
    while len(samples) < bench.settings.timing_trials and not settled(samples):
        samples.append(_call_ms(bench, model, next(stands).release(secret_seed())))
        if now() - started > bench.settings.timing_s:
            break
    return tuple(samples)


def _call_ms(bench: Bench, model: Model, inputs: list[object]) -> float:
    return round(bench.timed(model, inputs, seed=secret_seed()).elapsed_ms, _DECIMALS)


def _compiled(model: Model, mode: str) -> Model:
    compiled: Model = torch.compile(model, mode=None if mode == "default" else mode)
    return compiled


@contextmanager
def _tf32(*, allowed: bool) -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32
    allow_tf32(allowed=allowed)
    try:
        yield
    finally:
        allow_tf32(allowed=before)
