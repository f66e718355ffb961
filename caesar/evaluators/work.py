"""What a problem's work is at least, counted from one run of its reference.

A bound from below: the reference's operators are recorded, and from the outputs backwards only what
is sure to be needed in full is followed. What a gather, a slice, a mask or an operator that is not
known here takes from its source counts as nothing. So does structure that a candidate may know:
elements that are zero, one of two equal halves, a constant. Convolutions count as if each output
took one product per channel, as no algorithm needs fewer; products that a later sum or a further
product could absorb count as nothing.

Imports torch: only an evaluation's child may import this.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from torch.utils.weak import WeakTensorKeyDictionary

from caesar.evaluators.reference import Model
from caesar.evaluators.roofline import Work
from caesar.evaluators.tensors import leaves

__all__ = ["work_of"]


class _Need(IntEnum):
    """How a tensor is needed."""

    SUMMED = 1
    """Its elements are needed, but only in linear combinations: a product may be absorbed."""
    WHOLE = 2
    """Each element is needed as it is."""


_PRODUCTS = frozenset({"mm", "addmm", "bmm", "baddbmm", "linear", "mv", "dot", "addmv"})
_CONVOLUTIONS = frozenset({"convolution", "_convolution", "cudnn_convolution", "mkldnn_convolution"})
_ATTENTION = frozenset(
    {
        "_scaled_dot_product_flash_attention",
        "_scaled_dot_product_flash_attention_for_cpu",
        "_scaled_dot_product_efficient_attention",
        "_scaled_dot_product_cudnn_attention",
    }
)
_LINEAR = frozenset(
    {"add", "sub", "rsub", "neg", "mul", "div", "sum", "mean", "avg_pool2d", "avg_pool3d", "cumsum"}
)
"""Pointwise or reducing, and linear in each operand alone."""
_NORMALISING = frozenset(
    {
        "native_batch_norm",
        "native_layer_norm",
        "native_group_norm",
        "_softmax",
        "_log_softmax",
        "cudnn_batch_norm",
    }
)
_REDUCING = frozenset(
    {"max", "min", "amax", "amin", "argmax", "argmin", "logsumexp", "prod", "var", "std", "norm"}
)
_NORM = frozenset({"linalg_vector_norm", "cumprod"})
_FOLLOWED = _LINEAR | _NORMALISING | _REDUCING | _NORM
"""Operators whose whole output takes all of every operand, beside the pointwise ones."""
_CHOOSING = frozenset({"where", "masked_fill", "lerp", "dropout", "native_dropout", "bernoulli", "heaviside"})
"""Pointwise by torch's tag, but not in need of every operand everywhere."""
_SAME_ELEMENTS = frozenset(
    {
        "view",
        "_unsafe_view",
        "reshape",
        "transpose",
        "t",
        "permute",
        "unsqueeze",
        "squeeze",
        "clone",
        "_to_copy",
    }
    | {"contiguous", "alias", "detach", "cat", "stack", "flatten", "unflatten", "_reshape_alias"}
    | {"expand", "constant_pad_nd"}
)
"""What leaves elements as they are; followed only where none is lost."""


@dataclass(frozen=True, slots=True)
class _Operand:
    """A tensor that an operator took or gave; the tensor itself is not kept."""

    key: int
    """The same for the same tensor, never used again for another."""
    shape: tuple[int, ...]
    memory: int
    """Where its memory begins; another tensor may lie there later."""

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class _Step:
    """One operator that ran."""

    name: str
    pointwise: bool
    inputs: tuple[_Operand, ...]
    outputs: tuple[_Operand, ...]
    flops: int


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's own __init_subclass__
    """Notes every operator with its operands, without keeping any tensor alive."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch's own
        self.steps: list[_Step] = []
        self._keys: Any = WeakTensorKeyDictionary()
        self._next = 0

    def operand(self, tensor: torch.Tensor) -> _Operand:
        """The tensor as steps name it."""
        if tensor not in self._keys:
            self._keys[tensor] = self._next
            self._next += 1
        return _Operand(self._keys[tensor], tuple(tensor.shape), tensor.untyped_storage().data_ptr())

    def operands(self, value: Any) -> tuple[_Operand, ...]:
        """All tensors in a value."""
        return tuple(map(self.operand, _tensors(value)))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        inputs = self.operands([list(args), named])
        output = func(*args, **named)
        self.steps.append(
            _Step(
                name=func.overloadpacket.__name__.rstrip("_"),
                pointwise=torch.Tag.pointwise in func.tags,
                inputs=inputs,
                outputs=self.operands(output),
                flops=_flops(func, args, named, output),
            )
        )
        return output


def _flops(func: Any, args: tuple[Any, ...], named: Mapping[str, Any], output: Any) -> int:
    """Torch's own count for an operator, 0 where it has none."""
    formula = flop_registry.get(func.overloadpacket)
    return 0 if formula is None else int(formula(*args, **named, out_val=output))


@dataclass(slots=True)
class _Needs:
    """How far each tensor is needed, and what that adds up to."""

    of: dict[int, _Need] = field(default_factory=dict)
    """By the operand's key."""
    flops: int = 0

    def add(self, operands: Sequence[_Operand], need: _Need) -> None:
        for operand in operands:
            self.of[operand.key] = max(need, self.of.get(operand.key, need))

    def follow(self, step: _Step) -> None:
        """From what is needed of an operator's outputs to what is needed of its operands."""
        needs = [self.of[output.key] for output in step.outputs if output.key in self.of]
        if needs:
            self._through(step, max(needs))

    def _through(self, step: _Step, need: _Need) -> None:
        if step.name in _PRODUCTS or step.name in _CONVOLUTIONS:
            self.flops += _least_flops(step) if need is _Need.WHOLE else 0
            self.add(_read_whole(step), _Need.SUMMED)
        elif step.name in _ATTENTION:
            self.add(step.inputs[:3], _Need.WHOLE)
        elif step.name in _LINEAR:
            reducing = step.outputs[0].elements < max((source.elements for source in step.inputs), default=0)
            self.add(step.inputs, _Need.SUMMED if reducing else need)
        elif step.name in _SAME_ELEMENTS:
            kept = all(source.elements <= step.outputs[0].elements for source in step.inputs)
            self.add(step.inputs if kept else (), need)
        elif step.name in _FOLLOWED or (step.pointwise and step.name not in _CHOOSING):
            self.add(step.inputs, _Need.WHOLE)


def work_of(model: Model, inputs: Sequence[Any], output: Any) -> Work:
    """The least that a call of the model on the inputs reads, writes and computes.

    The model is called once more, under no_grad, on the same inputs; `output` is what it returned
    before. Takes the memory of such a call and of one flag an element beside, and raises what the
    model raises.
    """
    sources = _distinct([*_tensors(list(inputs)), *_state(model)])
    written = _written(output, sources)
    if all(_constant(tensor) for tensor in _tensors(output)):
        return Work(0, written, 0)
    with torch.no_grad(), _Recorder() as recorder:
        keys = [recorder.operand(source).key for source in sources]
        again = model(*inputs)
    needs = _Needs()
    needs.add(recorder.operands(again), _Need.WHOLE)
    for step in reversed(recorder.steps):
        needs.follow(step)
    needed = [source for key, source in zip(keys, sources, strict=True) if key in needs.of]
    structured = any(source.dim() > 1 and _structured(source) for source in needed)
    return Work(sum(map(_informative_bytes, needed)), written, 0 if structured else needs.flops)


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    return (leaf for _, leaf in leaves(value) if isinstance(leaf, torch.Tensor))


def _state(model: Model) -> list[torch.Tensor]:
    """What the model holds: parameters and buffers."""
    if not isinstance(model, torch.nn.Module):
        return []
    return [*model.parameters(), *model.buffers()]


def _distinct(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """One tensor for each piece of memory: what is read once may serve several."""
    return list({tensor.untyped_storage().data_ptr(): tensor for tensor in tensors}.values())


def _written(output: Any, sources: Sequence[torch.Tensor]) -> int:
    """The bytes of outputs that are no source's own memory, each piece once, repeats not counted."""
    given = {source.untyped_storage().data_ptr() for source in sources}
    return sum(
        _unique_elements(tensor) * tensor.element_size()
        for tensor in _distinct(list(_tensors(output)))
        if tensor.untyped_storage().data_ptr() not in given
    )


def _unique_elements(tensor: torch.Tensor) -> int:
    """How many elements are in memory: along a stride of 0 there is one."""
    sizes = zip(tensor.shape, tensor.stride(), strict=True)
    return min(math.prod(size for size, stride in sizes if stride != 0), tensor.numel())


def _informative_bytes(tensor: torch.Tensor) -> int:
    """The bytes that can't be known without reading: no zeros, no second half, no constant."""
    if tensor.numel() == 0 or _constant(tensor):
        return 0
    elements = min(int(torch.count_nonzero(tensor)), _unique_elements(tensor))
    return elements * tensor.element_size() // (2 if _symmetric(tensor) else 1)


def _structured(tensor: torch.Tensor) -> bool:
    """Whether much of a source is known beforehand, so that products with it may be shortened."""
    return _informative_bytes(tensor) < 0.9 * tensor.numel() * tensor.element_size()


def _constant(tensor: torch.Tensor) -> bool:
    return tensor.numel() == 0 or bool((tensor == tensor.flatten()[0]).all())


def _symmetric(tensor: torch.Tensor) -> bool:
    square = tensor.dim() > 1 and tensor.shape[-1] == tensor.shape[-2] > 1
    return square and torch.equal(tensor, tensor.mT)


def _least_flops(step: _Step) -> int:
    """The operations of a product; of a convolution, those that Winograd's or Fourier's way leave.

    A tensor's product with itself may be symmetric: half of it counts.
    """
    if step.name in _PRODUCTS:
        return step.flops // (1 if len({source.memory for source in step.inputs}) == len(step.inputs) else 2)
    return step.flops // max(1, math.prod(step.inputs[1].shape[2:]))


def _read_whole(step: _Step) -> tuple[_Operand, ...]:
    """The operands of a product or convolution that are read whole: a stride may step over inputs."""
    if step.name in _PRODUCTS:
        return step.inputs
    source, output = step.inputs[0], step.outputs[0]
    strided = math.prod(output.shape[2:]) < math.prod(source.shape[2:]) / 2
    return step.inputs[1:] if strided else step.inputs
