"""What the values of an input have in common, so that other values can be made that have it too.

A candidate may rely on what a problem says of its inputs: that a mask is 0 or 1, that a matrix is
triangular or symmetric, that probabilities sum to one. Inputs without that are none of the problem's.

Imports torch: the judge only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import torch

from caesar.evaluators.tensors import blocks, leaves

__all__ = ["Structure", "structures_of"]

_ZEROS = 0.01
"""The share of elements that are exactly zero from which on the zeros have a meaning."""

_SUM_TOLERANCE = 1e-2
"""How far from one the sums of probabilities may be, in half precision."""


@dataclass(frozen=True, slots=True)
class Structure:
    """Of one tensor; what is kept when its values are changed."""

    values: bool = False
    """All: they are whole numbers (masks, labels, counts), probabilities, or not all finite."""
    zeros: bool = False
    """Where it is zero (triangular, banded and masked matrices)."""
    symmetric: bool = False
    """That it equals its transpose."""

    @property
    def keeps_values(self) -> bool:
        """Whether other values of this structure depend on the tensor's own."""
        return self.values or self.zeros

    @classmethod
    def of(cls, tensor: torch.Tensor) -> Self:
        """Of a tensor; of a very large one, as its first part tells."""
        part = tensor[next(iter(blocks(tuple(tensor.shape))))[0]]
        if _mean_something(part):
            return cls(values=True)
        return cls(
            zeros=float((part == 0).float().mean()) > _ZEROS,
            symmetric=part.shape == tensor.shape and _is_symmetric(part),
        )

    def changed(self, tensor: torch.Tensor, change: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """The tensor with other values of the same structure."""
        if self.values:
            return tensor
        made = change(tensor)
        if self.zeros:
            made = made.masked_fill(tensor == 0, 0.0)
        return (made + made.mT) / 2 if self.symmetric else made


def structures_of(inputs: Any) -> tuple[Structure, ...]:
    """One for each tensor among inputs, in their order."""
    return tuple(Structure.of(leaf) for _, leaf in leaves(inputs) if isinstance(leaf, torch.Tensor))


def _mean_something(tensor: torch.Tensor) -> bool:
    """Whether other values would be other than a problem can mean."""
    if not tensor.is_floating_point() or tensor.numel() == 0 or not bool(tensor.isfinite().all()):
        return True
    return bool((tensor == tensor.round()).all()) or _are_probabilities(tensor)


def _are_probabilities(tensor: torch.Tensor) -> bool:
    """Whether no value is negative and they sum to one along the last dimension, or the one after the first."""
    if tensor.dim() == 0 or bool((tensor < 0).any()):
        return False
    return any(
        tensor.shape[dim] > 1
        and bool(((tensor.sum(dim, dtype=torch.float32) - 1).abs() < _SUM_TOLERANCE).all())
        for dim in {tensor.dim() - 1, min(1, tensor.dim() - 1)}
    )


def _is_symmetric(tensor: torch.Tensor) -> bool:
    return tensor.dim() > 1 and tensor.shape[-1] == tensor.shape[-2] > 1 and torch.equal(tensor, tensor.mT)
