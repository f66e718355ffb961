"""Whether a problem tells candidates that compute from those that don't: what would pass without computing.

Zeros, one constant, an input handed back, or the output of other inputs: where one of these is within
KernelBench's tolerance of the reference's output, for inputs of several seeds, passing the problem says
nothing. Nothing here decides: a flaw is a fact about the problem, beside its results.

Runs the user's problem, so in a trusted child only; imports torch. Outputs are made again rather than
kept: at most two are in memory at a time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import torch

from caesar.evaluators.compare import are_close
from caesar.evaluators.reference import Model, Reference, call, construct, place
from caesar.evaluators.room import require_room
from caesar.evaluators.tensors import blocks, cloned, leaves, mapped
from caesar.sandbox.memory import available_bytes

__all__ = ["VACUOUS", "Flaw", "FlawKind", "flaws_of", "passes_idly", "sample_of", "samples_agree"]

_LEAST_SEEDS = 2
_SAMPLED = 1 << 16
_DIGITS = 4
_MOST_CALL_S = 3.0


class FlawKind(StrEnum):
    """What can be wrong with a problem's output."""

    ZEROS = "zeros"
    """Zeros pass."""
    CONSTANT = "constant"
    """One number, the output's mean over seeds, passes."""
    INPUT = "input"
    """An input, handed back, passes."""
    OTHER_SEED = "other_seed"
    """The output for the inputs of another seed passes: it hardly depends on the inputs' values."""
    UNREPEATABLE = "unrepeatable"
    """The reference itself, called again on the same inputs and seed, does not pass."""
    NONFINITE = "nonfinite"
    """The output holds NaN, which no candidate can match, or infinities."""
    INTEGERS = "integers"
    """A floating-point output holds whole numbers only, which low precision gets right."""
    INERT = "inert"
    """Half of an input can be anything: who leaves out what depends on it passes."""


VACUOUS = frozenset({FlawKind.ZEROS, FlawKind.CONSTANT, FlawKind.INPUT, FlawKind.OTHER_SEED})
"""The flaws by which a candidate passes that computes nothing of what was asked."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong with a problem, for all of the seeds that were looked at."""

    kind: FlawKind
    detail: str
    """In a few words and numbers."""

    @property
    def vacuous(self) -> bool:
        """Whether a candidate passes by it that computes nothing of what was asked."""
        return self.kind in VACUOUS


@dataclass(frozen=True, slots=True)
class _Run:
    """The reference's outputs for the inputs of one seed: its tensors, in order."""

    inputs: list[Any]
    outputs: tuple[torch.Tensor, ...]


@dataclass(frozen=True, slots=True)
class _Exhibit:
    """A problem's model, and what makes its outputs again."""

    reference: Reference
    model: Model
    tolerance: float

    def run(self, seed: int) -> _Run:
        """The outputs for the inputs of a seed, which dropout draws from too."""
        inputs = self.reference.inputs(seed)
        output = call(self.model, cloned(inputs), seed=seed, device=self.reference.device)
        return _Run(inputs, tuple(leaf for _, leaf in leaves(output) if isinstance(leaf, torch.Tensor)))

    def run_with(
        self, inputs: list[Any], place_: int, tensor: torch.Tensor, *, seed: int
    ) -> tuple[torch.Tensor, ...]:
        """The outputs for inputs of which one tensor, by its place among them, is another."""
        places = iter(range(len(list(leaves(inputs)))))
        changed = list(mapped(cloned(inputs), lambda own: tensor if next(places) == place_ else own))
        output = call(self.model, changed, seed=seed, device=self.reference.device)
        return tuple(leaf for _, leaf in leaves(output) if isinstance(leaf, torch.Tensor))

    def require_room(self, seed: int) -> None:
        """MemoryError where the machine has no memory for looking at the problem; a GPU says so by itself."""
        if not self._on_a_gpu:
            inputs = self.reference.inputs(seed)
            held = sum(leaf.nbytes for _, leaf in leaves(inputs) if isinstance(leaf, torch.Tensor))
            require_room(held, all_bytes=2 * held)  # the copy that the reference is called on
            outputs = call(self.model, inputs, seed=seed, device=self.reference.device)
            held += sum(leaf.nbytes for _, leaf in leaves(outputs) if isinstance(leaf, torch.Tensor))
            require_room(held, all_bytes=2 * held)  # those of another seed beside them

    def has_room(self, run: _Run) -> bool:
        """Whether three times a run's inputs, and its outputs once more, fit beside it."""
        inputs, outputs = (
            sum(leaf.nbytes for _, leaf in leaves(part) if isinstance(leaf, torch.Tensor))
            for part in (run.inputs, run.outputs)
        )
        return self._on_a_gpu or 3 * inputs + outputs <= available_bytes()

    @property
    def _on_a_gpu(self) -> bool:
        return bool(self.reference.device.torch_device.type == "cuda")

    def passes(self, outputs: Sequence[torch.Tensor], guesses: Sequence[torch.Tensor | float]) -> bool:
        """Whether guesses (tensors, or numbers that stand for all elements) are all close enough."""
        return all(
            _close(output, guess, self.tolerance) for output, guess in zip(outputs, guesses, strict=True)
        )


@dataclass(slots=True)
class _Standing:
    """What has passed for every seed so far."""

    zeros: bool = True
    constant: bool = True
    other_seed: bool = True
    inputs: set[int] | None = None
    """Places among the inputs; None before the first seed."""
    repeatable: bool = True
    whole: bool = True
    nonfinite: int = 0
    largest: float = 0.0


def flaws_of(reference: Reference, *, tolerance: float, seeds: Sequence[int]) -> tuple[Flaw, ...]:
    """The flaws of a problem, by the inputs of some seeds; raises whatever its source raises.

    `tolerance` is KernelBench's for the precision, absolute and relative. A problem without tensors
    among its outputs has no flaw that this could tell.
    """
    if len(seeds) < _LEAST_SEEDS:
        raise ValueError(f"a problem is looked at with {_LEAST_SEEDS} seeds at least, not {len(seeds)}")
    with torch.no_grad():
        model = construct(reference.module.Model, reference.init_inputs())
        model = place(model, device=reference.device, precision=reference.precision)
        exhibit = _Exhibit(reference, model, tolerance)
        exhibit.require_room(seeds[0])
        constants = _means(exhibit, seeds)
        if not constants:
            return ()
        standing = _standing(exhibit, seeds, constants)
        flaws = tuple(_flaws(standing, constants))
        if not any(flaw.vacuous for flaw in flaws):
            flaws += tuple(_inert(exhibit, seeds[0], seeds[1]))
    return flaws


def passes_idly(inputs: Sequence[Any], output: Any, *, tolerance: float) -> str | None:
    """What would pass for one output without computing it: zeros, or an input; None where neither does."""
    outputs = [leaf for _, leaf in leaves(output) if isinstance(leaf, torch.Tensor)]
    if not outputs:
        return None
    if all(_close(leaf, 0.0, tolerance) for leaf in outputs):
        return "zeros"
    for place_, (_, value) in enumerate(leaves(inputs)):
        if isinstance(value, torch.Tensor) and all(_close(leaf, value, tolerance) for leaf in outputs):
            return f"input {place_}"
    return None


Sample = tuple[torch.Tensor, ...]
"""Some elements of each of an output's tensors, spread over all of it."""


def sample_of(output: Any) -> Sample:
    """A copy of some elements of each tensor of an output."""
    return tuple(_spread(leaf) for _, leaf in leaves(output) if isinstance(leaf, torch.Tensor))


def _spread(tensor: torch.Tensor) -> torch.Tensor:
    """A copy of at most so many elements: every other one along the longest dimension, as often as it takes."""
    while tensor.numel() > _SAMPLED:
        longest = max(range(tensor.dim()), key=lambda dim: tensor.shape[dim])
        tensor = tensor[(*(slice(None),) * longest, slice(None, None, 2))]
    return tensor.clone()


def samples_agree(one: Sample, other: Sample, *, tolerance: float) -> bool:
    """Whether KernelBench would take one for the other, as far as samples tell; False where there are none."""
    if not one or [part.shape for part in one] != [part.shape for part in other]:
        return False
    return all(_close(ours, theirs, tolerance) for ours, theirs in zip(one, other, strict=True))


def _means(exhibit: _Exhibit, seeds: Sequence[int]) -> tuple[float, ...]:
    """The mean of each output over all seeds."""
    means = [tuple(map(_mean, exhibit.run(seed).outputs)) for seed in seeds]
    return tuple(math.fsum(column) / len(column) for column in zip(*means, strict=True))


def _standing(exhibit: _Exhibit, seeds: Sequence[int], constants: Sequence[float]) -> _Standing:
    """What passes for all of the seeds; each seed's output is compared with the one before it."""
    standing = _Standing()
    before = exhibit.run(seeds[-1]).outputs
    for seed in seeds:
        run = exhibit.run(seed)
        standing.zeros &= exhibit.passes(run.outputs, [0.0] * len(run.outputs))
        standing.constant &= exhibit.passes(run.outputs, constants)
        standing.other_seed &= exhibit.passes(run.outputs, before)
        passing = set(_passing_inputs(exhibit, run))
        standing.inputs = passing if standing.inputs is None else standing.inputs & passing
        _look_at_values(standing, run.outputs)
        before = run.outputs
    standing.repeatable = exhibit.passes(before, exhibit.run(seeds[-1]).outputs)
    return standing


def _passing_inputs(exhibit: _Exhibit, run: _Run) -> Iterator[int]:
    """The places of the inputs that pass as the output."""
    for place_, (_, value) in enumerate(leaves(run.inputs)):
        if isinstance(value, torch.Tensor) and exhibit.passes(run.outputs, [value] * len(run.outputs)):
            yield place_


def _look_at_values(standing: _Standing, outputs: Sequence[torch.Tensor]) -> None:
    for output in outputs:
        if not output.is_floating_point():
            standing.whole = False
            continue
        for index, _ in blocks(tuple(output.shape)):
            part = output[index]
            finite = part.isfinite()
            standing.nonfinite += part.numel() - int(finite.sum())
            values = part[finite]
            standing.whole &= bool((values == values.round()).all())
            if values.numel():
                standing.largest = max(standing.largest, float(values.abs().max()))


def _flaws(standing: _Standing, constants: Sequence[float]) -> Iterator[Flaw]:
    if standing.zeros:
        yield Flaw(FlawKind.ZEROS, f"zeros pass: nothing is larger than {standing.largest:.{_DIGITS}g}")
    if standing.constant:
        numbers = ", ".join(f"{constant:.{_DIGITS}g}" for constant in constants)
        yield Flaw(FlawKind.CONSTANT, f"one number passes for every element: {numbers}")
    if standing.inputs:
        named = ", ".join(map(str, sorted(standing.inputs)))
        yield Flaw(FlawKind.INPUT, f"an input passes as the output: number {named}, from 0")
    if standing.other_seed:
        yield Flaw(FlawKind.OTHER_SEED, "the output for other inputs passes")
    if not standing.repeatable and not standing.nonfinite:
        yield Flaw(FlawKind.UNREPEATABLE, "called again on the same inputs, the reference does not pass")
    if standing.nonfinite:
        yield Flaw(FlawKind.NONFINITE, f"{standing.nonfinite} elements are NaN or infinite")
    if standing.whole and not standing.zeros:
        yield Flaw(FlawKind.INTEGERS, "all elements are whole numbers, in a floating-point output")


def _inert(exhibit: _Exhibit, seed: int, other_seed: int) -> Iterator[Flaw]:
    """Which halves of which inputs, along which dimension, can be those of another seed.

    Twice as many calls as the inputs have dimensions; none where one takes so long that they take minutes, or
    where there is no room for other inputs, those with a part of them, and what is made of these.
    """
    began = time.perf_counter()
    run = exhibit.run(seed)
    if time.perf_counter() - began > _MOST_CALL_S or not exhibit.has_room(run):
        return
    others = [
        leaf for _, leaf in leaves(exhibit.reference.inputs(other_seed)) if isinstance(leaf, torch.Tensor)
    ]
    own = [leaf for _, leaf in leaves(run.inputs) if isinstance(leaf, torch.Tensor)]
    found = [
        f"{half} half of dimension {dim} of input {place_}"
        for place_, (value, other) in enumerate(zip(own, others, strict=True))
        for dim, size in enumerate(value.shape)
        if value.is_floating_point() and size > 1
        for half, part in (("first", slice(0, size // 2)), ("second", slice(size // 2, None)))
        if exhibit.passes(
            exhibit.run_with(run.inputs, place_, _replaced(value, other, dim, part), seed=seed), run.outputs
        )
    ]
    if found:
        yield Flaw(FlawKind.INERT, f"what is in the {', the '.join(found)} does not matter")


def _replaced(value: torch.Tensor, other: torch.Tensor, dim: int, part: slice) -> torch.Tensor:
    index = (*(slice(None),) * dim, part)
    changed = value.clone()
    changed[index] = other[index]
    return changed


def _mean(output: torch.Tensor) -> float:
    """The mean of an output's finite elements; 0 where it has none."""
    total, count = 0.0, 0
    for index, _ in blocks(tuple(output.shape)):
        part = output[index]
        part = part.abs() if part.is_complex() else part
        values = part[part.isfinite()]
        total += float(values.sum(dtype=torch.float64))
        count += values.numel()
    return total / count if count else 0.0


def _close(output: torch.Tensor, guess: torch.Tensor | float, tolerance: float) -> bool:
    """Whether KernelBench would take the guess for the output; integers and booleans have to be equal."""
    if isinstance(guess, torch.Tensor) and (guess.shape != output.shape or guess.dtype != output.dtype):
        return False
    return all(_block_close(output, guess, index, tolerance) for index, _ in blocks(tuple(output.shape)))


def _block_close(
    output: torch.Tensor, guess: torch.Tensor | float, index: tuple[int | slice, ...], tolerance: float
) -> bool:
    part = output[index]
    other = guess[index] if isinstance(guess, torch.Tensor) else torch.full_like(part, _fitting(part, guess))
    return are_close(part, other, tolerance)


def _fitting(part: torch.Tensor, number: float) -> float:
    """The number as the tensor's type can hold it."""
    exact = part.is_floating_point() or part.is_complex()
    return number if exact else round(number)
