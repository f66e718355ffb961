"""The reference and the candidate as models with equal seeds, parameters and inputs.

KernelBench's protocol without its flaws: integer inputs keep their type, the two modules share no
namespace, and parameters that have the same name and shape are copied, not only drawn alike.

Imports torch: only an evaluation's child may import this.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import urandom
from types import ModuleType
from typing import Any

import torch

from caesar.effects import Precision
from caesar.evaluators.device import Device
from caesar.evaluators.tensors import leaves, mapped

__all__ = [
    "CONSTRUCTION_SEED",
    "DTYPES",
    "Draft",
    "Model",
    "Reference",
    "call",
    "construct",
    "copy_state",
    "draft",
    "load_reference",
    "place",
    "secret_seed",
    "set_seed",
    "state_of",
]

Model = Callable[..., Any]
"""An instance of Model or ModelNew; nearly always a torch.nn.Module."""

DTYPES: Mapping[Precision, torch.dtype] = {
    Precision.FP32: torch.float32,
    Precision.FP16: torch.float16,
    Precision.BF16: torch.bfloat16,
}

CONSTRUCTION_SEED = 42
"""KernelBench's seed for constructing models. It may be known: inputs come from secret seeds."""

_NUMPY_SEEDS = 1 << 32


@dataclass(frozen=True, slots=True)
class Reference:
    """An executed reference module and how its inputs are made on a device."""

    module: ModuleType
    device: Device
    precision: Precision
    on_device: bool
    """True where get_inputs() works with the device as torch's default, which is much faster."""
    drafted: Model | None = None
    """Its model, if that was constructed already."""

    def model(self) -> Model:
        """The model, on whatever device its constructor chooses."""
        if self.drafted is not None:
            return self.drafted
        arguments = self.init_inputs()
        return construct(self.module.Model, arguments)

    def init_inputs(self) -> list[Any]:
        """The constructors' arguments, drawn from the construction seed."""
        set_seed(CONSTRUCTION_SEED)
        return [mapped(value, self._placed) for value in self.module.get_init_inputs()]

    def inputs(self, seed: int) -> list[Any]:
        """The forward arguments of a seed, on the device, floating-point tensors in the precision."""
        set_seed(seed)
        made = _made_on(self.device, self.module) if self.on_device else self.module.get_inputs()
        return [mapped(value, self._placed) for value in made]

    def _placed(self, tensor: torch.Tensor) -> torch.Tensor:
        dtype = DTYPES[self.precision] if tensor.is_floating_point() else tensor.dtype
        return tensor.to(device=self.device.torch_device, dtype=dtype)


def set_seed(seed: int) -> None:
    """Restart every generator that models and inputs draw from."""
    torch.manual_seed(seed)
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % _NUMPY_SEEDS)


def secret_seed() -> int:
    """A seed from the system's entropy, which nothing but the system can foresee."""
    return int.from_bytes(urandom(8)) >> 1


@dataclass(frozen=True, slots=True)
class Draft:
    """What of a reference stands before there is a device."""

    module: ModuleType
    model: Model | None
    """None where its constructor takes tensors: they are to lie on the device."""


def draft(source: str) -> Draft:
    """The reference executed and its model constructed; raises whatever its source raises.

    Opening a device takes some 0.3 s, in which this can be done.
    """
    module = _executed(source)
    set_seed(CONSTRUCTION_SEED)
    arguments = module.get_init_inputs()
    takes_tensors = any(isinstance(leaf, torch.Tensor) for _, leaf in leaves(arguments))
    return Draft(module, None if takes_tensors else construct(module.Model, arguments))


def load_reference(
    source: str, *, device: Device, precision: Precision, drafted: Draft | None = None
) -> Reference:
    """The reference, executed in a namespace of its own; raises whatever its source raises."""
    module = _executed(source) if drafted is None else drafted.module
    on_device = _makes_on(device, module)
    return Reference(module, device, precision, on_device, None if drafted is None else drafted.model)


def construct(model_class: Callable[..., Model], arguments: list[Any]) -> Model:
    """A model, constructed right after the construction seed was set."""
    set_seed(CONSTRUCTION_SEED)
    return model_class(*arguments)


def state_of(model: Model, *, moves_to: torch.device | None = None) -> dict[str, torch.Tensor]:
    """A model's parameters and buffers, by name; empty for what is no torch module.

    Copies, but of what the model leaves behind when it is moved to another device.
    """
    if not isinstance(model, torch.nn.Module):
        return {}
    found = model.state_dict().items()
    state = {name: value.detach() for name, value in found if isinstance(value, torch.Tensor)}
    stays = [name for name, value in state.items() if moves_to is None or value.device.type == moves_to.type]
    return state | {name: state[name].clone() for name in stays}


def copy_state(state: Mapping[str, torch.Tensor], model: Model) -> bool:
    """Copy what has the same name and shape into the model; True where that was all of the state."""
    own = model.state_dict() if isinstance(model, torch.nn.Module) else {}
    shared = [name for name, value in state.items() if name in own and own[name].shape == value.shape]
    for name in shared:
        own[name].copy_(state[name])
    return len(shared) == len(state)


def place(model: Model, *, device: Device, precision: Precision) -> Model:
    """The model on the device, its floating-point parameters in the precision."""
    if isinstance(model, torch.nn.Module):
        return model.to(device=device.torch_device, dtype=DTYPES[precision])
    return model


def call(model: Model, arguments: list[Any], *, seed: int, device: Device) -> Any:
    """The model's output for the arguments, complete on the device; dropout draws from the seed."""
    set_seed(seed)
    output = model(*arguments)
    device.synchronize()
    return output


def _executed(source: str) -> ModuleType:
    module = ModuleType("reference")
    sys.modules["reference"] = module
    exec(compile(source, "reference.py", "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - the user's own problem
    return module


def _made_on(device: Device, module: ModuleType) -> Any:
    with device.torch_device:
        return module.get_inputs()


def _makes_on(device: Device, module: ModuleType) -> bool:
    """Whether get_inputs() works with the device as torch's default."""
    if device.torch_device.type == "cpu":
        return False
    set_seed(CONSTRUCTION_SEED)
    try:
        _made_on(device, module)
    except (RuntimeError, TypeError, ValueError, AttributeError, AssertionError):
        return False
    return True
