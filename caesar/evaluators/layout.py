"""Values that models take and return, as a plan of plain data and places in a buffer.

The judge plans and writes; the candidate's process rebuilds the value over its own mapping. A plan is
data only: numbers, texts, the names of dtypes, containers and where each tensor lies.

Imports torch: judge and candidate only.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import torch

from caesar.evaluators.buffers import Buffer
from caesar.evaluators.tensors import leaves

__all__ = ["Place", "Plan", "Planner", "filled", "rebuilt"]

_ALIGNMENT = 256
"""Of every tensor in a buffer, as torch's own allocator aligns."""


class Place(msgspec.Struct, frozen=True, tag="tensor"):
    """Where a tensor lies and how it is laid out."""

    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: str
    nbytes: int


class _Plain(msgspec.Struct, frozen=True, tag="plain"):
    value: bool | int | str | None


class _Number(msgspec.Struct, frozen=True, tag="number"):
    hexadecimal: str
    """Exact, infinities and NaN included."""


class _Dtype(msgspec.Struct, frozen=True, tag="dtype"):
    name: str


class _List(msgspec.Struct, frozen=True, tag="list"):
    items: tuple[Plan, ...]


class _Tuple(msgspec.Struct, frozen=True, tag="tuple"):
    items: tuple[Plan, ...]


class _Dict(msgspec.Struct, frozen=True, tag="dict"):
    items: tuple[tuple[str, Plan], ...]


Plan = Place | _Plain | _Number | _Dtype | _List | _Tuple | _Dict


class Planner:
    """Hands out places of one buffer, one after another."""

    def __init__(self) -> None:
        self.nbytes = 0
        """How large the buffer has to be."""

    def plan(self, value: Any) -> Plan:
        """A plan of the value; TypeError for what can't be handed to another process."""
        match value:
            case torch.Tensor():
                return self.place(value)
            case torch.dtype():
                return _Dtype(_dtype_name(value))
            case bool() | int() | str() | None:
                return _Plain(value)
            case float():
                return _Number(value.hex())
        return self._container(value)

    def place(self, tensor: torch.Tensor) -> Place:
        """A place for the tensor; TypeError for one that is not plain memory."""
        if tensor.layout is not torch.strided or tensor.is_conj() or tensor.is_neg():
            raise TypeError("only plain strided tensors can be handed to a candidate")
        stride = _dense_stride(tensor)
        nbytes = tensor.numel() * tensor.element_size()
        place = Place(self.nbytes, tuple(tensor.shape), stride, _dtype_name(tensor.dtype), nbytes)
        self.nbytes += -(-nbytes // _ALIGNMENT) * _ALIGNMENT
        return place

    def _container(self, value: Any) -> Plan:
        if type(value) is list:
            return _List(tuple(map(self.plan, value)))
        if type(value) is tuple or type(value) is torch.Size:
            return _Tuple(tuple(map(self.plan, value)))
        if type(value) is dict and all(isinstance(key, str) for key in value):
            return _Dict(tuple((key, self.plan(item)) for key, item in value.items()))
        raise TypeError(f"a {type(value).__name__} can't be handed to a candidate")


def rebuilt(plan: Plan, buffer: Buffer) -> Any:
    """The value of a plan, its tensors being views of the buffer."""
    match plan:
        case Place():
            return buffer.view(plan.offset, plan.shape, plan.stride, getattr(torch, plan.dtype))
        case _Plain(value=value):
            return value
        case _Number(hexadecimal=hexadecimal):
            return float.fromhex(hexadecimal)
        case _Dtype(name=name):
            return getattr(torch, name)
        case _List() | _Tuple() | _Dict():
            return _container(plan, buffer)


def filled(plan: Plan, buffer: Buffer, value: Any) -> Any:
    """The plan's value over the buffer, once a value of the same form was copied there."""
    place = rebuilt(plan, buffer)
    for (_, mine), (_, theirs) in zip(leaves(place), leaves(value), strict=True):
        if isinstance(mine, torch.Tensor):
            mine.copy_(theirs)
    return place


def _container(plan: _List | _Tuple | _Dict, buffer: Buffer) -> Any:
    match plan:
        case _List(items=items):
            return [rebuilt(item, buffer) for item in items]
        case _Tuple(items=items):
            return tuple(rebuilt(item, buffer) for item in items)
        case _Dict(items=pairs):
            return {key: rebuilt(item, buffer) for key, item in pairs}


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _dense_stride(tensor: torch.Tensor) -> tuple[int, ...]:
    """The tensor's own strides where it fills its memory, else those of a contiguous one."""
    extent = 1 + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    dense = tensor.numel() == extent and all(step > 0 for step in tensor.stride())
    if dense:
        return tuple(tensor.stride())
    return tuple(math.prod(tensor.shape[dim + 1 :]) for dim in range(tensor.dim()))
