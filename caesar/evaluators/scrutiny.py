"""A stricter look than KernelBench's: other inputs than the problem's own, against float64.

The problem's own inputs are often all positive, small or alike, which hides dropped terms, lost signs
and reduced precision. Each kind of inputs here is looked at only where the operation is defined on it:
where the reference's output is finite and agrees with its own in float64. What the problem's own inputs
have in common (masks, zeros, symmetry) the others have too.

Whole numbers and booleans among the outputs (indices, counts, masks) are right or wrong: they are looked at
where the reference's stay the same in float64 and with inputs that are a little different, so that which of two
equal elements is the largest is nobody's error.

Imports torch: the judge only.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from caesar.effects import Precision
from caesar.evaluators.bench import Bench, Inputs, Stand, require_comparable, slot_of
from caesar.evaluators.buffers import create_buffer
from caesar.evaluators.compare import relative_error
from caesar.evaluators.layout import rebuilt
from caesar.evaluators.reference import CONSTRUCTION_SEED, Model, call, set_seed
from caesar.evaluators.tensors import leaves, mapped

__all__ = ["KINDS", "Exact", "Scrutiny", "exact_of", "inputs_of", "sliced_stand"]

Change = Callable[[torch.Tensor], torch.Tensor]

_OWN = "own"

KINDS: Mapping[str, Change] = {
    _OWN: lambda tensor: tensor,
    "signed": torch.randn_like,
    "signs": lambda tensor: torch.randn_like(tensor).sign_(),
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

_NUDGES = (1.0, -1.0)
"""Inputs are made a little different, and then as much the other way: one of the two turns a near tie round."""


@dataclass(frozen=True, slots=True)
class Scrutiny:
    """How a candidate's output on one kind of inputs compares."""

    kind: str
    error: float
    """Relative, against float64; NaN where the candidate's output is not finite."""
    own_error: float
    """The reference's."""
    wrong: int = 0
    """How many whole numbers and booleans differ that should not, where more do than hang on rounding.

    Among those that do some stay the same by chance.
    """

    @property
    def ratio(self) -> float:
        """The candidate's error over the reference's, bounded so that it can be written down."""
        if math.isnan(self.error) or self.wrong:
            return 1e9
        return min(1e9, self.error / max(self.own_error, 1e-9))

    def is_wrong(self) -> bool:
        """Whether no loss of precision explains the error."""
        return self.wrong > 0 or math.isnan(self.error) or self.error > max(_WRONG, _FACTOR * self.own_error)

    def is_imprecise(self, precision: Precision) -> bool:
        """Whether the candidate computes in less than the precision asked for."""
        return self.error > max(_FLOOR[precision], _FACTOR * self.own_error)


@dataclass(frozen=True, slots=True)
class Exact:
    """The reference's outputs in float64, and how far its own are from them."""

    outputs: tuple[torch.Tensor, ...]
    """Those that are rounded: floating point."""
    own_error: float
    counted: tuple[tuple[torch.Tensor, torch.Tensor], ...] = ()
    """The others, and where they can be relied on."""

    def compared(self, kind: str, got: Sequence[torch.Tensor | None]) -> Scrutiny:
        """How the candidate's tensors compare, the worst of them."""
        tensors = [ours for ours in got if ours is not None]
        pairs = zip(self.outputs, _rounded(tensors), strict=True)
        errors = [relative_error(exact, ours) for exact, ours in pairs]
        worst = math.nan if any(map(math.isnan, errors)) else max(errors, default=0.0)
        counted = list(zip(self.counted, _counted(tensors), strict=True))
        wrong = sum(int(((ours != value) & reliable).sum()) for (value, reliable), ours in counted)
        unreliable = sum(int((~reliable).sum()) for _, reliable in self.counted)
        return Scrutiny(kind, worst, self.own_error, wrong if wrong > unreliable else 0)


def _rounded(values: Iterable[Any]) -> list[torch.Tensor]:
    """The tensors that rounding makes inexact, complex ones as pairs of real numbers."""
    tensors = [value for value in values if isinstance(value, torch.Tensor)]
    return [
        torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
        for tensor in tensors
        if tensor.is_complex() or tensor.is_floating_point()
    ]


def _counted(values: Iterable[Any]) -> list[torch.Tensor]:
    """The tensors of whole numbers and booleans."""
    tensors = (value for value in values if isinstance(value, torch.Tensor))
    return [tensor for tensor in tensors if not (tensor.is_complex() or tensor.is_floating_point())]


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
    own = [leaf for _, leaf in leaves(expected)]
    try:
        model = _doubled(bench.model)
        wide = mapped(inputs, lambda tensor: tensor.double() if tensor.is_floating_point() else tensor)
        outputs = _outputs(bench, model, wide, seed=seed)
        counted = _reliable(bench, model, wide, _counted(outputs), own=_counted(own), seed=seed)
    except (RuntimeError, TypeError, ValueError, torch.OutOfMemoryError):
        return None
    exact, floats = _rounded(outputs), _rounded(own)
    if counted is None or not _are_alike(exact, floats):
        return None
    errors = [relative_error(ours, theirs) for ours, theirs in zip(exact, floats, strict=True)]
    own_error = max(errors, default=0.0)
    if any(map(math.isnan, errors)) or own_error > max(_DEFINED, 2 * bench.settings.precision.tolerance):
        return None
    if not exact and not any(bool(reliable.any()) for _, reliable in counted):
        return None
    return Exact(tuple(exact), own_error, counted)


def _doubled(model: Model) -> Model:
    """A copy of the model in float64, with the tensors that its modules hold as plain attributes."""
    model = copy.deepcopy(model)
    if not isinstance(model, torch.nn.Module):
        return model
    for module in model.modules():
        for name, value in list(vars(module).items()):
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                setattr(module, name, value.double())
    return model.double()


def _reliable(
    bench: Bench,
    model: Model,
    wide: list[Any],
    exact: Sequence[torch.Tensor],
    *,
    own: Sequence[torch.Tensor],
    seed: int,
) -> tuple[tuple[torch.Tensor, torch.Tensor], ...] | None:
    """The reference's whole numbers, and where neither float64 nor slightly different inputs change them.

    None where float64 makes others of another form.
    """
    if not own:
        return ()
    nudged = (_outputs(bench, model, _nudged(bench, wide, way, seed=seed), seed=seed) for way in _NUDGES)
    others = [exact, *map(_counted, nudged)]
    if not all(_are_alike(other, own) for other in others):
        return None
    reliable = (
        torch.stack([value == other for other in those]).all(dim=0)
        for value, *those in zip(own, *others, strict=True)
    )
    return tuple(zip(own, reliable, strict=True))


def _nudged(bench: Bench, inputs: list[Any], way: float, *, seed: int) -> list[Any]:
    """Inputs that differ by more than rounding does, in the structure that they have."""
    share = way * bench.settings.precision.tolerance
    set_seed(seed)
    structures = iter(bench.structures)

    def nudge(tensor: torch.Tensor) -> torch.Tensor:
        return tensor + torch.randn_like(tensor) * (share * tensor.square().mean().sqrt())

    return list(mapped(inputs, lambda tensor: next(structures).changed(tensor, nudge)))


def _outputs(bench: Bench, model: Model, inputs: list[Any], *, seed: int) -> list[Any]:
    return [leaf for _, leaf in leaves(call(model, inputs, seed=seed, device=bench.device))]


def _are_alike(ours: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor]) -> bool:
    """Whether there are as many, of the same shapes."""
    return [tuple(one.shape) for one in ours] == [tuple(other.shape) for other in theirs]


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
