"""A problem set up to judge candidates by: its reference, and buffers that inputs and outputs travel in.

Made once for a problem on a device and kept for the next candidate; the values of inputs never are.
Imports torch: the judge only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from caesar.effects import EvaluationSettings, Tf32
from caesar.evaluators.buffers import Buffer, DeviceBuffer, HostBuffer, OwnBuffer, create_buffer
from caesar.evaluators.device import HEAD_START_MS, Cuda, Device, TimedCall
from caesar.evaluators.gate import GATE_BYTES, Gate, Starter
from caesar.evaluators.layout import Plan, Planner, filled, rebuilt
from caesar.evaluators.opponent import MOST_LAUNCHING_MS
from caesar.evaluators.reference import (
    CONSTRUCTION_SEED,
    DTYPES,
    Model,
    Reference,
    call,
    place,
    set_seed,
    state_of,
)
from caesar.evaluators.room import require_room
from caesar.evaluators.setup import Desk, Output, Setup, Slot
from caesar.evaluators.structure import Structure, structures_of
from caesar.evaluators.tensors import cloned, leaves, mapped, same_bits
from caesar.evaluators.wire import MOST_LEAVES

__all__ = ["Bench", "HeadStart", "Inputs", "Stand", "open_bench", "require_comparable"]

_ROTATION_BYTES = 256 << 20
"""What the rotation's inputs take together: several times the largest second-level cache."""

_MOST_STANDS = 8

_SPIN_S = 0.1
_CORES_TO_SPIN = 4

_SPARE = 1.2
"""How many times what launching took last is given to it: some calls take longer to launch than others."""

Inputs = Callable[[int], list[Any]]
"""Makes the inputs of a seed; the same for the same seed."""


@dataclass(frozen=True, slots=True)
class Stand:
    """One set of inputs that a candidate can be called on."""

    slot: Slot
    buffer: Buffer
    make: Inputs

    def release(self, seed: int) -> list[Any]:
        """Write the inputs of a seed where the candidate sees them; the same, where it does not."""
        inputs = self.make(seed)
        self.show(inputs)
        return inputs

    def show(self, inputs: list[Any]) -> None:
        """Write inputs where the candidate sees them."""
        filled(self.slot.inputs, self.buffer, inputs)

    def withdraw(self) -> None:
        """Take the inputs away again: who has not read them by now never will."""
        self.buffer.wipe()

    def unsealed(self) -> Stand:
        """The same inputs in host memory of its own, which a candidate can write to."""
        copy = Stand(self.slot, HostBuffer.create(self.slot.nbytes, sealed=False), self.make)
        copy.withdraw()
        return copy

    def holds(self, inputs: list[Any]) -> bool:
        """Whether the buffer still holds the inputs that were shown, byte for byte."""
        return _alike(rebuilt(self.slot.inputs, self.buffer), inputs)


class HeadStart:
    """How long the host has for launching a model: a fifth more than launching it took the last time."""

    def __init__(self) -> None:
        self.ms = HEAD_START_MS

    def learn(self, launch_ms: float) -> None:
        """Take note of what launching took; beyond what a candidate may take it is part of the time."""
        self.ms = min(MOST_LAUNCHING_MS, max(HEAD_START_MS, _SPARE * launch_ms))


@dataclass(frozen=True, slots=True)
class Bench:
    """The reference's model, where it runs, and what candidates are handed."""

    reference: Reference
    model: Model
    settings: EvaluationSettings
    arguments: list[Any]
    state: dict[str, torch.Tensor]
    """What the model's parameters and buffers were when it was constructed."""
    mutates: bool
    """Whether the reference writes to its inputs, so that it needs its own."""
    outputs: Buffer
    kept: OwnBuffer
    """Where the outputs are copied to, out of a candidate's reach, before they are looked at."""
    gate: DeviceBuffer | None
    """What a candidate's calls wait for on a GPU."""
    stands: tuple[Stand, ...]
    """The rotation, all of one form."""
    structures: tuple[Structure, ...]
    """Of the inputs' tensors, in their order."""
    writable: bool = False
    head_start: HeadStart = field(default_factory=HeadStart)

    @property
    def device(self) -> Device:
        """Where everything runs."""
        return self.reference.device

    @property
    def cuda(self) -> bool:
        """Whether that is a GPU."""
        return self.device.torch_device.type == "cuda"

    @property
    def spin_s(self) -> float:
        """How long judge and candidate wait for each other without sleeping."""
        spare = len(os.sched_getaffinity(0)) >= _CORES_TO_SPIN
        return _SPIN_S if self.cuda and spare else 0.0

    def expected(self, inputs: Sequence[Any], *, seed: int) -> Any:
        """The reference's outputs for inputs that it does not change."""
        arguments = cloned(list(inputs)) if self.mutates else list(inputs)
        return call(self.model, arguments, seed=seed, device=self.device)

    def timed(self, model: Model, inputs: list[Any], *, seed: int) -> TimedCall:
        """One call of the reference, or of a model that was made of it, on inputs that it does not change."""
        arguments = self._laid_out(inputs)
        set_seed(seed)
        timed = self.device.timed(
            lambda: model(*arguments), behind=lambda: self.device.lead(self.head_start.ms)
        )
        self.head_start.learn(timed.launch_ms)
        return timed

    def _laid_out(self, inputs: list[Any]) -> list[Any]:
        """Inputs to be timed on: on a CPU copied into caches that hold nothing else, as a candidate's are."""
        self.clear_caches()
        return cloned(inputs) if self.mutates or not self.cuda else inputs

    def clear_caches(self) -> None:
        """Fill a CPU's caches with something else.

        A GPU's are filled when its inputs are written, which no call can read yet.
        """
        if not self.cuda:
            self.device.flush()

    def starter(self) -> Starter | None:
        """What lets the next candidate's calls begin, on a GPU."""
        if self.gate is None or not isinstance(self.device, Cuda):
            return None
        return Starter(self.device, Gate(self.gate))

    def writable_copy(self) -> Bench:
        """The same bench for a candidate that may write to its inputs.

        On CUDA the candidate's own mapping says so; on the CPU it takes memory that was never sealed.
        """
        stands = self.stands if self.cuda else tuple(stand.unsealed() for stand in self.stands)
        return replace(self, stands=stands, writable=True)

    def poison(self, pattern: int) -> None:
        """Fill the outputs' buffer with what no candidate has computed."""
        self.outputs.fill(pattern)
        self.device.synchronize()

    def desk(self, *more: Stand) -> Desk:
        """What a candidate's process is handed: arguments, parameters, and every stand's memory."""
        arguments = Planner()
        plan = arguments.plan([_on_host(value) for value in self.arguments])
        state = [(name, arguments.place(value)) for name, value in self.state.items()]
        host = HostBuffer.create(arguments.nbytes, sealed=True)
        filled(plan, host, [_on_host(value) for value in self.arguments])
        for (_, where), value in zip(state, self.state.values(), strict=True):
            filled(where, host, value)
        stands = (*self.stands, *more)
        setup = Setup(
            cuda=self.cuda,
            dtype=str(DTYPES[self.settings.precision]).removeprefix("torch."),
            writable=self.writable,
            host_bytes=arguments.nbytes,
            arguments=plan,
            state=tuple(state),
            output_bytes=self.outputs.nbytes,
            slots=tuple(stand.slot for stand in stands),
            tf32=self.settings.tf32 is Tf32.ON,
            spin_s=self.spin_s,
        )
        shared = (host, self.outputs, *((self.gate,) if self.gate else ()), *(stand.buffer for stand in stands))
        return Desk(setup, tuple(buffer.descriptor for buffer in shared), shared)


def open_bench(reference: Reference, settings: EvaluationSettings) -> Bench:
    """The problem set up; raises whatever makes its reference unfit to judge candidates by."""
    model = reference.model()
    state = state_of(model, moves_to=reference.device.torch_device)
    model = place(model, device=reference.device, precision=reference.precision)
    cuda = reference.device.torch_device.type == "cuda"  # where too large an allocation fails, and harms nobody
    inputs = reference.inputs(CONSTRUCTION_SEED)
    held = sum(leaf.nbytes for _, leaf in leaves(inputs) if isinstance(leaf, torch.Tensor))
    if not cuda:
        require_room(2 * held, all_bytes=2 * held)  # a copy to call the reference on, and one to show
    handed = cloned(inputs)
    output = call(model, handed, seed=CONSTRUCTION_SEED, device=reference.device)
    require_comparable(output)
    mutates = not _alike(handed, inputs)
    slot, output_bytes = slot_of(inputs, output)
    if not cuda:  # outputs: the reference's, the candidate's, shared and kept
        require_room(slot.nbytes + 3 * output_bytes, all_bytes=2 * slot.nbytes + 4 * output_bytes)
    count = max(1, min(_MOST_STANDS, -(-_ROTATION_BYTES // max(1, slot.nbytes))))
    stands = tuple(
        Stand(slot, create_buffer(slot.nbytes, cuda=cuda, sealed=True), reference.inputs) for _ in range(count)
    )
    for stand in stands:
        stand.withdraw()  # its memory is there from now on: the first time takes longer
    return Bench(
        reference=reference,
        model=model,
        settings=settings,
        arguments=reference.init_inputs(),
        state=state,
        mutates=mutates,
        outputs=create_buffer(output_bytes, cuda=cuda, sealed=False),
        kept=OwnBuffer(output_bytes, cuda=cuda),
        gate=DeviceBuffer.create(GATE_BYTES) if cuda else None,
        stands=stands,
        structures=structures_of(inputs),
    )


def slot_of(inputs: list[Any], output: Any) -> tuple[Slot, int]:
    """The form of inputs and of what the reference makes of them, and how large an outputs' buffer is."""
    planner, results = Planner(), Planner()
    plan: Plan = planner.plan(inputs)
    outputs = tuple(
        Output(results.place(_dense(leaf)) if isinstance(leaf, torch.Tensor) else None)
        for _, leaf in leaves(output)
    )
    return Slot(planner.nbytes, plan, outputs), results.nbytes


def require_comparable(output: Any) -> None:
    """TypeError where an output of the reference's is nothing that candidates can be compared with."""
    found = list(leaves(output))
    if len(found) > MOST_LEAVES:
        raise TypeError(f"it returns {len(found)} outputs; {MOST_LEAVES} can be compared")
    for path, leaf in found:
        if not isinstance(leaf, torch.Tensor | int | float | bool | type(None)):
            raise TypeError(f"output{path} is a {type(leaf).__name__}, which can't be compared")
        if isinstance(leaf, torch.Tensor) and leaf.layout is not torch.strided:
            raise TypeError(f"output{path} is not a strided tensor, which can't be compared")


def _dense(tensor: torch.Tensor) -> torch.Tensor:
    """A stand-in of the tensor's form that fills its memory."""
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")


def _alike(left: Any, right: Any) -> bool:
    """Whether two values of one form hold the same bytes in every tensor."""
    return all(
        same_bits(one, other)
        for (_, one), (_, other) in zip(leaves(left), leaves(right), strict=True)
        if isinstance(one, torch.Tensor)
    )


def _on_host(value: Any) -> Any:
    return mapped(value, lambda tensor: tensor.to("cpu"))
