"""Whether a candidate's output is the reference's: KernelBench's tolerances, leaf by leaf, block by block.

Stricter than KernelBench where it is blind: integers and booleans are compared exactly, several
outputs one by one, and a tensor has to be a plain one, so that nothing is computed when it is looked
at. As lenient as it elsewhere: the tolerance is relative to the candidate's value, equal infinities
are equal, and NaN equals nothing.

Imports torch: only an evaluation's child may import this.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from caesar.domain import Mismatch
from caesar.evaluators.tensors import blocks, leaves

__all__ = ["COMPARABLE", "is_finite", "mismatch"]

COMPARABLE = (torch.Tensor, int, float, bool, str, type(None))
"""What an output may be made of."""

_PLAIN = (torch.Tensor, torch.nn.Parameter)
"""The types whose values are there when they are looked at."""

_TEXT_LENGTH = 200


def mismatch(expected: Any, got: Any, *, tolerance: float) -> Mismatch | None:
    """The first difference between the reference's output and the candidate's; None where there is none."""
    ours, theirs = list(leaves(expected)), list(leaves(got))
    if len(ours) != len(theirs):
        return Mismatch("count", _plural(len(ours)), _plural(len(theirs)))
    for number, ((path, one), (their_path, other)) in enumerate(zip(ours, theirs, strict=True)):
        if path != their_path:
            return Mismatch(
                "type", f"output{path}"[:_TEXT_LENGTH], f"output{their_path}"[:_TEXT_LENGTH], output=number
            )
        found = _leaf_mismatch(one, other, tolerance=tolerance, output=number)
        if found is not None:
            return found
    return None


def is_finite(value: Any) -> bool:
    """Whether no tensor of a value holds a NaN or an infinity."""
    return all(_nonfinite(leaf) == 0 for _, leaf in leaves(value) if isinstance(leaf, torch.Tensor))


def _leaf_mismatch(expected: Any, got: Any, *, tolerance: float, output: int) -> Mismatch | None:
    if isinstance(expected, torch.Tensor):
        return _tensor_mismatch(expected, got, tolerance=tolerance, output=output)
    if type(got) is not type(expected):
        return Mismatch("type", _type_name(expected), _type_name(got), output=output)
    close = (
        math.isclose(expected, got, rel_tol=tolerance, abs_tol=tolerance)
        if isinstance(expected, float)
        else expected == got
    )
    if close:
        return None
    return Mismatch("values", _short(expected), _short(got), wrong_share=1.0, output=output)


def _tensor_mismatch(expected: torch.Tensor, got: Any, *, tolerance: float, output: int) -> Mismatch | None:
    differing = _form_mismatch(expected, got)
    if differing is not None:
        kind, ours, theirs = differing
        return Mismatch(kind, ours, theirs, output=output)
    if all(_close(expected[index], got[index], tolerance).all() for index, _ in blocks(tuple(expected.shape))):
        return None
    return _values_mismatch(expected, got, tolerance=tolerance, output=output)


def _form_mismatch(expected: torch.Tensor, got: Any) -> tuple[str, str, str] | None:
    """The first of type, device, dtype and shape that differs: its kind and both sides' texts."""
    if type(got) not in _PLAIN:
        return "type", "Tensor", _type_name(got)
    forms = (
        ("type", expected.layout, got.layout),
        ("device", expected.device, got.device),
        ("dtype", expected.dtype, got.dtype),
        ("shape", tuple(expected.shape), tuple(got.shape)),
    )
    return next(((kind, str(ours), str(theirs)) for kind, ours, theirs in forms if ours != theirs), None)


def _close(expected: torch.Tensor, got: torch.Tensor, tolerance: float) -> torch.Tensor:
    """Where the two agree, element by element."""
    if not (expected.is_floating_point() or expected.is_complex()):
        return expected == got
    return torch.isclose(expected, got, rtol=tolerance, atol=tolerance)


def _values_mismatch(expected: torch.Tensor, got: torch.Tensor, *, tolerance: float, output: int) -> Mismatch:
    """Where the values differ first, how many do, and by how much at most."""
    wrong, largest, first = 0, math.nan, None
    for index, origin in blocks(tuple(expected.shape)):
        close = _close(expected[index], got[index], tolerance)
        count = int((~close).sum())
        if count and first is None:
            first = _position(close, origin)
        wrong += count
        largest = _larger(largest, _largest_error(expected[index], got[index]))
    assert first is not None
    return Mismatch(
        "values",
        _short(expected[first].item()),
        _short(got[first].item()),
        index=first,
        wrong_share=wrong / expected.numel(),
        max_abs_error=_short(largest),
        nonfinite=_nonfinite(got),
        output=output,
    )


def _position(close: torch.Tensor, origin: tuple[int, ...]) -> tuple[int, ...]:
    """The index, in the whole tensor, of a block's first element that is not close."""
    inside = torch.unravel_index((~close).reshape(-1).to(torch.uint8).argmax(), close.shape)
    lead = len(origin) - len(inside)
    offsets = (0,) * lead + tuple(int(part) for part in inside)
    return tuple(start + offset for start, offset in zip(origin, offsets, strict=True))


def _largest_error(expected: torch.Tensor, got: torch.Tensor) -> float:
    """The largest absolute difference in a block; NaN where no difference is a number."""
    wide = torch.complex128 if expected.is_complex() else torch.float64
    errors = (expected.to(wide) - got.to(wide)).abs()
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


def _type_name(value: object) -> str:
    return type(value).__name__[:_TEXT_LENGTH]


def _plural(count: int) -> str:
    return f"{count} output" if count == 1 else f"{count} outputs"
