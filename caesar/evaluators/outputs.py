"""A model's outputs, described in the terms of the wire: what judge and candidate have to agree on.

Imports torch: judge and candidate only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from caesar.evaluators.device import Device
from caesar.evaluators.wire import MOST_DIMENSIONS, Form, Leaf, skeleton_of

__all__ = ["described", "skeleton"]

_PLAIN = (torch.Tensor, torch.nn.Parameter)
"""The types whose values are there when they are looked at."""


def skeleton(found: Sequence[tuple[str, Any]]) -> int:
    """How outputs are nested, from their leaves with their paths."""
    return skeleton_of(path for path, _ in found)


def described(leaf: Any, *, device: Device) -> Leaf:
    """One output."""
    if type(leaf) in _PLAIN:
        return _tensor(leaf, device)
    match leaf:
        case bool():
            return Leaf(Form.BOOL, "bool", value=float(leaf))
        case int():
            return Leaf(Form.INT, "int", value=_float_of(leaf))
        case float():
            return Leaf(Form.FLOAT, "float", value=leaf)
        case None:
            return Leaf(Form.NONE, "NoneType")
    return Leaf(Form.OTHER, type(leaf).__name__)


def _float_of(number: int) -> float:
    """The number, infinite where it is beyond every float."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _tensor(tensor: torch.Tensor, device: Device) -> Leaf:
    if tensor.layout is not torch.strided:
        return Leaf(Form.LAYOUT, str(tensor.layout))
    if tensor.dim() > MOST_DIMENSIONS:
        return Leaf(Form.OTHER, f"a tensor of {tensor.dim()} dimensions")
    name = str(tensor.dtype).removeprefix("torch.")
    form = Form.TENSOR if tensor.device.type == device.torch_device.type else Form.ELSEWHERE
    return Leaf(form, name if form is Form.TENSOR else str(tensor.device), tuple(tensor.shape))
