"""Whether a candidate's output is the reference's: KernelBench's tolerances, leaf by leaf, block by block.

Stricter than KernelBench where it is blind: integers and booleans are compared exactly, several
outputs one by one, and a tensor has to be a plain one, so that nothing is computed when it is looked
at. As lenient as it elsewhere: the tolerance is relative to the candidate's value, equal infinities
are equal, and NaN equals nothing.

Imports torch: only an evaluation's child may import this.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from caesar.domain import Mismatch
from caesar.evaluators.device import Device
from caesar.evaluators.outputs import described, skeleton
from caesar.evaluators.tensors import blocks, leaves
from caesar.evaluators.wire import Form, Leaf, Shown

__all__ = ["are_close", "is_finite", "mismatch", "relative_error"]

_TEXT_LENGTH = 200

_MOST_BLOCKS = 8
"""How many blocks of a tensor are looked at in float64."""


def mismatch(
    expected: Any, shown: Shown, got: Sequence[torch.Tensor | None], *, tolerance: float, device: Device
) -> Mismatch | None:
    """The first difference between the reference's output and what was shown; None where there is none.

    `got` are copies of the shared buffer's tensors, one for each tensor of the reference's: read only
    where the candidate says that its own has the same form.
    """
    ours = list(leaves(expected))
    if len(ours) != shown.count:
        return Mismatch("count", _plural(len(ours)), _plural(shown.count))
    if skeleton(ours) != shown.skeleton:
        return Mismatch(
            "type", f"outputs nested as {[path for path, _ in ours]}"[:_TEXT_LENGTH], "another nesting"
        )
    for number, ((_, leaf), told, tensor) in enumerate(zip(ours, shown.leaves, got, strict=True)):
        wanted = described(leaf, device=device)
        found = _form_mismatch(wanted, told, number) or _leaf_mismatch(
            leaf, wanted, told, tensor, tolerance=tolerance, output=number
        )
        if found is not None:
            return found
    return None


def is_finite(value: Any) -> bool:
    """Whether no tensor of a value holds a NaN or an infinity."""
    return all(
        all(map(math.isfinite, _extremes(leaf[at]))) if leaf.is_floating_point() else _nonfinite(leaf[at]) == 0
        for _, leaf in leaves(value)
        if isinstance(leaf, torch.Tensor)
        for at, _ in blocks(tuple(leaf.shape))
    )


def _form_mismatch(wanted: Leaf, told: Leaf, output: int) -> Mismatch | None:
    """The first of type, device, dtype and shape that differs."""
    if wanted.form is not Form.TENSOR:
        return None if wanted.form is told.form else Mismatch("type", wanted.name, told.name, output=output)
    match told.form:
        case Form.TENSOR if wanted.name != told.name:
            return Mismatch("dtype", f"torch.{wanted.name}", f"torch.{told.name}", output=output)
        case Form.TENSOR if wanted.shape != told.shape:
            return Mismatch("shape", str(wanted.shape), str(told.shape), output=output)
        case Form.TENSOR:
            return None
        case Form.ELSEWHERE:
            return Mismatch("device", "the leased device", told.name, output=output)
    return Mismatch("type", "Tensor", told.name, output=output)


def _leaf_mismatch(
    expected: Any, wanted: Leaf, told: Leaf, got: torch.Tensor | None, *, tolerance: float, output: int
) -> Mismatch | None:
    """Whether the values differ, the forms being equal."""
    if isinstance(expected, torch.Tensor):
        assert got is not None
        if all(are_close(expected[at], got[at], tolerance) for at, _ in blocks(tuple(expected.shape))):
            return None
        return _values_mismatch(expected, got, tolerance=tolerance, output=output)
    close = (
        math.isclose(wanted.value, told.value, rel_tol=tolerance, abs_tol=tolerance)
        if isinstance(expected, float)
        else wanted.value == told.value
    )
    if close:
        return None
    return Mismatch("values", _short(expected), _short(told.value), wrong_share=1.0, output=output)


def are_close(expected: torch.Tensor, got: torch.Tensor, tolerance: float) -> bool:
    """Whether all elements agree: quicker ways first, which take equal infinities for different.

    First that no difference exceeds what is allowed for an output of 0: two passes over the memory, which is
    what comparing takes. An infinite output allows for any difference, so that all have to be smaller.
    """
    if expected.is_floating_point():
        difference = expected - got
        low, high = _extremes(difference)
        if -tolerance < low and high < tolerance:
            return True
        allowed = got.abs().mul_(tolerance).add_(tolerance)
        if bool(difference.abs_().lt(allowed).all()):
            return True
    return bool(_close(expected, got, tolerance).all())


def _extremes(block: torch.Tensor) -> tuple[float, float]:
    """The least and the largest element, NaN where one is; 0 where there is none."""
    if block.numel() == 0:
        return 0.0, 0.0
    low, high = block.aminmax()
    return float(low), float(high)


def _close(expected: torch.Tensor, got: torch.Tensor, tolerance: float) -> torch.Tensor:
    """Where the two agree, element by element."""
    if not (expected.is_floating_point() or expected.is_complex()):
        return expected == got
    return torch.isclose(expected, got, rtol=tolerance, atol=tolerance)


def relative_error(exact: torch.Tensor, got: torch.Tensor) -> float:
    """The difference's norm over that of the exact values, in float64; NaN where either is not finite.

    Of a very large tensor some blocks are looked at, spread over all of it.
    """
    difference, whole = 0.0, 0.0
    places = [at for at, _ in blocks(tuple(exact.shape))]
    for at in places[:: -(-len(places) // _MOST_BLOCKS)]:
        part = exact[at].to(torch.float64)
        difference += float(torch.linalg.vector_norm(part - got[at])) ** 2
        whole += float(torch.linalg.vector_norm(part)) ** 2
    if not (math.isfinite(difference) and math.isfinite(whole)):
        return math.nan
    return math.sqrt(difference / whole) if whole else math.sqrt(difference)


def _values_mismatch(expected: torch.Tensor, got: torch.Tensor, *, tolerance: float, output: int) -> Mismatch:
    """Where the values differ first, how many do, in which pattern, and by how much at most.

    By how much is not said where nothing wrong differs by a number: a largest error of the rest, which is
    right, would read as if little were wrong.
    """
    wrong, largest, first, measurable = 0, math.nan, None, False
    extent = _Extent(tuple(expected.shape))
    for index, origin in blocks(tuple(expected.shape)):
        close = _close(expected[index], got[index], tolerance)
        count = int((~close).sum())
        if count:
            first = _position(close, origin) if first is None else first
            extent.take(~close, origin)
        wrong += count
        errors = _errors(expected[index], got[index])
        measurable = measurable or bool((~close & ~errors.isnan()).any())
        largest = _larger(largest, _largest(errors))
    assert first is not None
    return Mismatch(
        "values",
        _short(expected[first].item()),
        _short(got[first].item()),
        index=first,
        wrong_share=wrong / expected.numel(),
        max_abs_error=_short(largest) if measurable else None,
        nonfinite=_nonfinite(got),
        pattern=extent.words(),
        output=output,
    )


class _Extent:
    """Where wrong elements lie, dimension by dimension."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._hit = [torch.zeros(size, dtype=torch.bool) for size in shape]

    def take(self, wrong: torch.Tensor, origin: tuple[int, ...]) -> None:
        """Add a block's wrong elements; its leading dimensions may be single indices."""
        lead = len(self._shape) - wrong.dim()
        for dim in range(lead):
            self._hit[dim][origin[dim]] = True
        for dim in range(wrong.dim()):
            others = [other for other in range(wrong.dim()) if other != dim]
            hit = (wrong.any(dim=others) if others else wrong).cpu()
            start = origin[lead + dim]
            self._hit[lead + dim][start : start + len(hit)] |= hit

    def words(self) -> str | None:
        """A clause for each dimension; None for a single number."""
        clauses = [f"dim {dim}: {_range_of(hit)}" for dim, hit in enumerate(self._hit)]
        return "; ".join(clauses)[:_TEXT_LENGTH] if clauses else None


def _range_of(hit: torch.Tensor) -> str:
    """All of 8, 5 of 8 (3 to 7), 1 of 8 (3)."""
    at = hit.nonzero().reshape(-1)
    if len(at) == len(hit):
        return f"all of {len(hit)}"
    low, high = int(at[0]), int(at[-1])
    every = len(at) > 1 and len({int(step) for step in at[1:] - at[:-1]}) == 1
    step = int(at[1] - at[0]) if every else 1
    until = f" to {high}" if high > low else ""
    stride = f", every {step}" if step > 1 else ""
    return f"{len(at)} of {len(hit)} ({low}{until}{stride})"


def _position(close: torch.Tensor, origin: tuple[int, ...]) -> tuple[int, ...]:
    """The index, in the whole tensor, of a block's first element that is not close."""
    flat = int((~close).reshape(-1).to(torch.uint8).argmax())
    inside: tuple[int, ...] = ()
    for size in reversed(close.shape):
        flat, at = divmod(flat, size)
        inside = (at, *inside)
    offsets = (0,) * (len(origin) - len(inside)) + inside
    return tuple(start + offset for start, offset in zip(origin, offsets, strict=True))


def _errors(expected: torch.Tensor, got: torch.Tensor) -> torch.Tensor:
    """The absolute differences in a block; NaN where one is no number."""
    wide = torch.complex128 if expected.is_complex() else torch.float64
    return (expected.to(wide) - got.to(wide)).abs()


def _largest(errors: torch.Tensor) -> float:
    """The largest of the errors that are numbers; NaN where none is."""
    numbers = errors[~errors.isnan()]
    return float(numbers.max()) if numbers.numel() else math.nan


def _larger(left: float, right: float) -> float:
    return right if math.isnan(left) else left if math.isnan(right) else max(left, right)


def _nonfinite(value: torch.Tensor) -> int:
    """How many elements are NaN or infinite."""
    if not (value.is_floating_point() or value.is_complex()):
        return 0
    return sum(int((~value[index].isfinite()).sum()) for index, _ in blocks(tuple(value.shape)))


def _short(value: object) -> str:
    """A value as a short text."""
    text = f"{value:.7g}" if isinstance(value, float) else repr(value)
    return text[:_TEXT_LENGTH]


def _plural(count: int) -> str:
    return f"{count} output" if count == 1 else f"{count} outputs"
