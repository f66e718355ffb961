"""A stricter look than KernelBench's: other inputs than the problem's own, against float64.

The problem's own inputs are often all positive, small or alike, which hides dropped terms, lost signs
and reduced precision. Each kind of inputs here is looked at only where the operation is defined on it:
where the reference's output is finite and agrees with its own in float64. What the problem's own inputs
have in common (masks, zeros, symmetry) the others have too.

Imports torch: the judge only.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from caesar.effects import Precision
from caesar.evaluators.bench import Bench, Inputs, Stand, require_comparable, slot_of
from caesar.evaluators.buffers import create_buffer
from caesar.evaluators.compare import relative_error
from caesar.evaluators.layout import rebuilt
from caesar.evaluators.reference import CONSTRUCTION_SEED, call, set_seed
from caesar.evaluators.tensors import leaves, mapped

__all__ = ["KINDS", "Exact", "Scrutiny", "exact_of", "inputs_of", "sliced_stand"]

Change = Callable[[torch.Tensor], torch.Tensor]

_OWN = "own"

KINDS: Mapping[str, Change] = {
    _OWN: lambda tensor: tensor,
    "signed": torch.randn_like,
    "binary": lambda tensor: torch.empty_like(tensor).bernoulli_(0.5),
    "large": lambda tensor: torch.randn_like(tensor).mul_(32.0),
    "small": lambda tensor: torch.randn_like(tensor).div_(1024.0),
}
"""Kinds of inputs, by what becomes of each floating-point tensor of the problem's own."""

_FACTOR = 20.0
"""How many times the reference's own error a candidate's may be: sums in another order stay below."""

_FLOOR = {Precision.FP32: 5e-5, Precision.FP16: 1e-2, Precision.BF16: 2e-2}
"""Errors below are not worth a word: TF32 gives 2e-4 and more, half precision 4e-4, sloppy fp32 1e-5."""

_WRONG = 1e-2
"""A relative error that no precision explains."""

_DEFINED = 1e-3
"""Where the reference itself is further from float64, candidates can't be judged by it."""


@dataclass(frozen=True, slots=True)
class Scrutiny:
    """How a candidate's output on one kind of inputs compares."""

    kind: str
    error: float
    """Relative, against float64; NaN where the candidate's output is not finite."""
    own_error: float
    """The reference's."""

    @property
    def ratio(self) -> float:
        """The candidate's error over the reference's, bounded so that it can be written down."""
        if math.isnan(self.error):
            return 1e9
        return min(1e9, self.error / max(self.own_error, 1e-9))

    def is_wrong(self) -> bool:
        """Whether no loss of precision explains the error."""
        return math.isnan(self.error) or self.error > max(_WRONG, _FACTOR * self.own_error)

    def is_imprecise(self, precision: Precision) -> bool:
        """Whether the candidate computes in less than the precision asked for."""
        return self.error > max(_FLOOR[precision], _FACTOR * self.own_error)


@dataclass(frozen=True, slots=True)
class Exact:
    """The reference's outputs in float64, and how far its own are from them."""

    outputs: tuple[torch.Tensor, ...]
    own_error: float

    def compared(self, kind: str, got: tuple[torch.Tensor | None, ...]) -> Scrutiny:
        """How the candidate's outputs compare, the worst of them."""
        pairs = zip(self.outputs, got, strict=True)
        errors = [relative_error(exact, ours) for exact, ours in pairs if ours is not None]
        worst = math.nan if any(map(math.isnan, errors)) else max(errors, default=0.0)
        return Scrutiny(kind, worst, self.own_error)


def inputs_of(bench: Bench, kind: str) -> Inputs:
    """Makes inputs of a kind, in the form of the problem's own and with their structure.

    The problem's own are made only where some of their values are kept: often that is most of the work.
    """
    change, base = KINDS[kind], bench.stands[0]
    keeps = kind == _OWN or any(structure.keeps_values for structure in bench.structures)

    def make(seed: int) -> list[Any]:
        own = bench.reference.inputs(seed) if keeps else rebuilt(base.slot.inputs, base.buffer)
        set_seed(seed)
        structures = iter(bench.structures)
        return list(mapped(own, lambda tensor: next(structures).changed(tensor, change)))

    return make


def exact_of(bench: Bench, inputs: list[Any], expected: Any, *, seed: int) -> Exact | None:
    """The outputs in float64; None where the operation is not defined on these inputs, or not in float64."""
    floats = [
        leaf for _, leaf in leaves(expected) if isinstance(leaf, torch.Tensor) and leaf.is_floating_point()
    ]
    try:
        model = copy.deepcopy(bench.model)
        model = model.double() if isinstance(model, torch.nn.Module) else model
        wide = mapped(inputs, lambda tensor: tensor.double() if tensor.is_floating_point() else tensor)
        output = call(model, wide, seed=seed, device=bench.device)
    except (RuntimeError, TypeError, ValueError, torch.OutOfMemoryError):
        return None
    exact = [leaf for _, leaf in leaves(output) if isinstance(leaf, torch.Tensor) and leaf.is_floating_point()]
    if [tuple(leaf.shape) for leaf in exact] != [tuple(leaf.shape) for leaf in floats]:
        return None
    errors = [relative_error(ours, own) for ours, own in zip(exact, floats, strict=True)]
    own_error = max(errors, default=0.0)
    if any(map(math.isnan, errors)) or own_error > max(_DEFINED, 2 * bench.settings.precision.tolerance):
        return None
    return Exact(tuple(exact), own_error)


def sliced_stand(bench: Bench) -> Stand | None:
    """A stand with a smaller leading dimension; None where the problem does not allow for one.

    A part of a symmetric or triangular matrix is none.
    """
    if any(structure.symmetric or structure.zeros for structure in bench.structures):
        return None
    own = bench.reference.inputs(CONSTRUCTION_SEED)
    sizes = {leaf.shape[0] for _, leaf in leaves(own) if isinstance(leaf, torch.Tensor) and leaf.dim() > 1}
    if len(sizes) != 1:
        return None
    (size,) = sizes
    fewer = size // 2 + 1
    if fewer >= size:
        return None

    def sliced(inputs: list[Any]) -> list[Any]:
        return list(
            mapped(
                inputs, lambda tensor: tensor[:fewer].contiguous() if tensor.shape[:1] == (size,) else tensor
            )
        )

    inputs = sliced(own)
    try:
        output = call(bench.model, inputs, seed=CONSTRUCTION_SEED, device=bench.device)
        require_comparable(output)
    except (RuntimeError, TypeError, ValueError, IndexError, AssertionError):
        return None
    slot, output_bytes = slot_of(inputs, output)
    if output_bytes > bench.outputs.nbytes:
        return None
    buffer = create_buffer(slot.nbytes, cuda=bench.cuda, sealed=True)
    return Stand(slot, buffer, lambda seed: sliced(bench.reference.inputs(seed)))
