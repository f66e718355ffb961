"""Walking the values that models take and return: tensors, and tuples, lists and dicts of them.

Imports torch: only an evaluation's child may import this.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

__all__ = ["Index", "blocks", "cloned", "leaves", "mapped", "same_bits"]

Index = tuple[int | slice, ...]
"""What picks a block of a tensor."""

BLOCK_ELEMENTS = 1 << 27
"""How much of a tensor is compared at once: bounds the memory that comparing takes."""

_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def mapped(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """The value with every tensor changed; containers are rebuilt, anything else stays itself.

    In the order of leaves().
    """
    if isinstance(value, torch.Tensor):
        return change(value)
    if type(value) in (list, tuple):
        return type(value)(mapped(item, change) for item in value)
    if type(value) is dict:
        changed = {key: mapped(item, change) for key, item in _sorted(value)}
        return {key: changed[key] for key in value}
    return value


def cloned(value: Any) -> Any:
    """The value with every tensor copied."""
    return mapped(value, torch.clone)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in tuples, lists and mappings that is none itself, with the path that leads there.

    Mappings in the order of their keys: two that are equal have the same leaves.
    """
    if isinstance(value, Mapping):
        for key, item in _sorted(value):
            yield from leaves(item, f"{path}[{key!r}]")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _sorted(value: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    return sorted(value.items(), key=lambda item: repr(item[0]))


def blocks(shape: tuple[int, ...], limit: int = BLOCK_ELEMENTS) -> Iterator[tuple[Index, tuple[int, ...]]]:
    """Indices that cover every element of a shape once, in order, at most `limit` elements each.

    Each comes with the position of its first element. Blocks are views: nothing is copied.
    """
    if not shape or math.prod(shape) <= limit:
        yield (), (0,) * len(shape)
        return
    row = math.prod(shape[1:])
    if row > limit:
        for outer in range(shape[0]):
            for index, first in blocks(shape[1:], limit):
                yield (outer, *index), (outer, *first)
        return
    step = limit // row
    for outer in range(0, shape[0], step):
        yield (slice(outer, outer + step),), (outer, *((0,) * (len(shape) - 1)))


def same_bits(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Whether two tensors of one shape and type hold the same bytes; NaN equals itself here."""
    return all(
        torch.equal(_bits_of(left[index]), _bits_of(right[index])) for index, _ in blocks(tuple(left.shape))
    )


def _bits_of(block: torch.Tensor) -> torch.Tensor:
    """The elements as integers of their size."""
    whole = _INTEGERS.get(block.element_size(), torch.uint8)
    return block.resolve_conj().reshape(-1).contiguous().view(whole)
