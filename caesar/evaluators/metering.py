"""Measuring a reference's own time, eagerly and compiled, without any candidate: a trusted child's work.

Measured as an evaluation measures it: fresh inputs out of a rotation, cold caches, until the mean is
known well enough. Nothing of a candidate's ever ran in this process.

Imports torch: only a trusted child may import this.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import msgspec
import torch

from caesar.effects import BaselineKind, CompileMode, EvaluationSettings, Precision
from caesar.evaluators.baselines import BaselineKey, Conditions, Measurement, keys_for
from caesar.evaluators.device import Device, open_device
from caesar.evaluators.reference import (
    Model,
    Reference,
    construct,
    load_reference,
    place,
    secret_seed,
    set_seed,
)
from caesar.evaluators.statistics import settled
from caesar.evaluators.tensors import cloned, nbytes

__all__ = ["Errand", "Metered", "allow_tf32", "compiled", "main", "samples_of_model"]

_WARM_UPS = 5
_LEAST_CALLS = 10
_ROTATION_BYTES = 1 << 30
_MOST_SETS = 3
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Errand:
    """Everything such a child needs."""

    problem: str
    """The reference's digest."""
    reference: str
    settings: EvaluationSettings
    cuda: bool
    driver: str
    evaluator: str
    threads: int


class Metered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """To the supervisor: one baseline."""

    conditions: Conditions
    measurement: Measurement


def main(payload: bytes, reply: Callable[[bytes], None]) -> None:
    """Measure what the errand asks for, a reply each; end with the first that can't be had."""
    errand = msgspec.json.decode(payload, type=Errand)
    torch.set_num_threads(errand.threads)
    device = open_device(cuda=errand.cuda)
    reference = load_reference(errand.reference, device=device, precision=errand.settings.precision)
    with torch.no_grad():
        for metered in _all(errand, reference, device):
            reply(msgspec.json.encode(metered))


def _all(errand: Errand, reference: Reference, device: Device) -> Iterator[Metered]:
    settings = errand.settings
    conditions = Conditions(
        device_model=device.name,
        driver=errand.driver,
        torch=str(torch.__version__),
        cuda=torch.version.cuda,
        precision=settings.precision.value,
        evaluator=errand.evaluator,
    )
    model = place(
        construct(reference.module.Model, reference.init_inputs()), device=device, precision=settings.precision
    )
    sets = _rotation(reference)
    for key in sorted(keys_for(errand.problem, settings, conditions), key=_compiles):
        with allow_tf32(allowed=key.tf32 and settings.precision is Precision.FP32):
            timed = compiled(model, settings.compile_mode) if _compiles(key) else model
            samples = samples_of_model(timed, sets, device=device, settings=settings)
        yield Metered(conditions, Measurement(key.name, samples))


def _compiles(key: BaselineKey) -> bool:
    return key.mode != BaselineKind.EAGER


def compiled(model: Model, mode: CompileMode) -> Model:
    """The model through torch.compile, from scratch: what was compiled under other settings is dropped."""
    torch.compiler.reset()
    return torch.compile(model, mode=None if mode is CompileMode.DEFAULT else mode.value)


@contextmanager
def allow_tf32(*, allowed: bool) -> Iterator[None]:
    """Let fp32 products and convolutions be done in TF32, or not, for the time of the block."""
    before = _tf32()
    _set_tf32((allowed, allowed))
    try:
        yield
    finally:
        _set_tf32(before)


def _tf32() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


def _set_tf32(values: tuple[bool, bool]) -> None:
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = values


def _rotation(reference: Reference) -> list[list[Any]]:
    """A few sets of inputs from secret seeds, as many as memory allows, one at least."""
    first = reference.inputs(secret_seed())
    sets = max(1, min(_MOST_SETS, _ROTATION_BYTES // max(1, nbytes(first))))
    return [first, *(reference.inputs(secret_seed()) for _ in range(sets - 1))]


def samples_of_model(
    model: Model, sets: Sequence[list[Any]], *, device: Device, settings: EvaluationSettings
) -> tuple[float, ...]:
    """The milliseconds of so many calls that their mean is known, or that the time is spent."""
    inputs = cycle(sets)
    for _ in range(_WARM_UPS):
        _timed(model, next(inputs), device)
    samples = [_timed(model, next(inputs), device)]
    started = time.perf_counter()
    while len(samples) < min(_LEAST_CALLS, settings.timing_trials) or (
        len(samples) < settings.timing_trials
        and time.perf_counter() - started < settings.timing_s
        and not settled(samples)
    ):
        samples.append(_timed(model, next(inputs), device))
    return tuple(samples)


def _timed(model: Model, inputs: list[Any], device: Device) -> float:
    arguments = cloned(inputs)
    set_seed(secret_seed())
    device.flush()
    return round(device.timed(lambda: model(*arguments)).elapsed_ms, _DECIMALS)
