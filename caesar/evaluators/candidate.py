"""The candidate's process: maps the judge's buffers, loads `ModelNew`, calls it when told to.

Nothing here decides anything: from the moment the candidate is loaded this process is its own, and
whatever it says is evidence at most. What counts is what the judge finds in the shared buffer, and
when. Runs in a boxed child only.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import torch

from caesar.evaluators.boundary import candidate_traceback
from caesar.evaluators.buffers import Buffer, DeviceBuffer, attach_buffer
from caesar.evaluators.device import (
    Device,
    TimedCall,
    allow_tf32,
    is_hardware,
    is_out_of_memory,
    nothing,
    open_device,
)
from caesar.evaluators.gate import GATE_BYTES, Barred
from caesar.evaluators.layout import rebuilt
from caesar.evaluators.outputs import described, skeleton
from caesar.evaluators.reference import Model, construct, copy_state, set_seed
from caesar.evaluators.setup import Desk, receive_setup
from caesar.evaluators.tensors import leaves, mapped
from caesar.evaluators.trace import Witness
from caesar.evaluators.wire import (
    Ask,
    Command,
    Done,
    Launched,
    Loaded,
    Message,
    Raised,
    Ready,
    Shown,
    Traced,
    encode,
    spin,
)
from caesar.sandbox.artifact import MARK
from caesar.sandbox.candidate import MODULE, load_candidate
from caesar.sandbox.extensions import serve

__all__ = ["Contestant", "main"]

_COMMAND_BYTES = 64


class Contestant(msgspec.Struct, frozen=True):
    """What the supervisor hands to a candidate's process."""

    source: str
    artifact: str
    """The folder that the builder left; without its mark nothing is served from it."""
    threads: int


def main(payload: bytes, _reply: Callable[[bytes], None], link: int) -> None:
    """Serve the judge at the other end of the link until it hangs up."""
    contestant = msgspec.json.decode(payload, type=Contestant)
    torch.set_num_threads(contestant.threads)
    with socket.socket(fileno=link) as judge, torch.no_grad():
        if os.environ.get("CUDA_VISIBLE_DEVICES"):
            open_device(cuda=True).synchronize()  # its context takes a while, in which the judge prepares
        desk = receive_setup(judge)
        if desk is not None:
            _Process(judge, desk, contestant).serve()


class _Process:
    """The mapped buffers, the candidate's model, and the outputs of its last call."""

    def __init__(self, judge: socket.socket, desk: Desk, contestant: Contestant) -> None:
        setup = desk.setup
        self._judge = judge
        self._setup = setup
        self._source = contestant.source
        self._artifact = Path(contestant.artifact)
        self._device = open_device(cuda=setup.cuda)
        allow_tf32(allowed=setup.tf32)
        host, outputs, *slots = desk.descriptors
        self._gate = _gate(slots.pop(0)) if setup.cuda else None
        self._host = attach_buffer(host, setup.host_bytes, cuda=False, writable=False)
        self._outputs = attach_buffer(outputs, setup.output_bytes, cuda=setup.cuda, writable=True)
        self._slots = [self._attached(fd, slot.nbytes) for fd, slot in zip(slots, setup.slots, strict=True)]
        self._starts = [buffer.bytes().data_ptr() for buffer in self._slots]
        self._witness = Witness(self._device)
        self._model: Model = nothing
        self._is_loaded = False
        self._slot = 0
        self._ahead: list[Any] = []
        self._result: Any = None
        self._saved: dict[int, torch.Tensor] = {}
        """By their ids, copies of those outputs that lie in the inputs' memory."""
        self._stand_ins: list[torch.Tensor] | None = None

    def _attached(self, descriptor: int, nbytes: int) -> Buffer:
        return attach_buffer(descriptor, nbytes, cuda=self._setup.cuda, writable=self._setup.writable)

    def serve(self) -> None:
        """Answer every command, an exception by what it was."""
        while frame := self._next():
            command = Command.decode(frame)
            try:
                answer = self._answer(command)
            except SystemExit:
                raise
            except BaseException as error:  # noqa: BLE001 - a candidate may raise anything; the judge is told
                answer = _raised(command.number, error)
            self._judge.send(encode(answer))

    def _next(self) -> bytes:
        if self._setup.spin_s:
            spin(self._judge, most_s=self._setup.spin_s)
        return self._judge.recv(_COMMAND_BYTES)

    def _answer(self, command: Command) -> Message:
        match command.ask:
            case Ask.IDLE:
                return self._called(command, nothing)
            case Ask.LOAD:
                return self._loaded(command)
            case Ask.PREPARE:
                return self._prepared(command)
            case Ask.CALL:
                return self._called(command, self._model)
            case Ask.SHOW:
                return self._shown(command)
            case Ask.TRACE:
                return self._traced(command)

    def _loaded(self, command: Command) -> Loaded:
        self._stand_ins = None
        self._is_loaded = True
        if (self._artifact / MARK).exists():
            serve(self._artifact)
        self._witness.before()
        module = load_candidate(self._source, folder=Path.cwd(), name=MODULE)
        arguments = [_own(value, self._device) for value in rebuilt(self._setup.arguments, self._host)]
        model = construct(module.ModelNew, arguments)
        state = {name: rebuilt(place, self._host) for name, place in self._setup.state}
        copied = copy_state(state, model)
        self._model = _placed(model, self._device, getattr(torch, self._setup.dtype))
        return Loaded(command.number, copied)

    def _prepared(self, command: Command) -> Ready:
        """Do what a call needs and is not part of it: seeding alone takes half a millisecond."""
        self._result = None
        self._slot = command.slot
        self._ahead = self._arguments(command.slot)
        set_seed(command.seed)
        return Ready(command.number)

    def _called(self, command: Command, model: Model) -> Done:
        arguments = self._ahead
        timed = self._timed(lambda: model(*arguments), number=command.number)
        self._result = timed.result
        self._save_inputs_among(timed.result)
        return Done(command.number, timed.elapsed_ms, timed.launch_ms)

    def _timed(self, call: Callable[[], object], *, number: int) -> TimedCall:
        """Make a call, on a GPU behind the gate; the judge opens it when it hears that all is launched."""
        gate = self._gate
        if gate is None:
            return self._device.timed(call)
        launched = encode(Launched(number))
        return self._device.timed(
            call, behind=lambda: gate.wait(number), launched=lambda: self._judge.send(launched)
        )

    def _save_inputs_among(self, result: Any) -> None:
        """Copy those outputs that are inputs, whole or in part: the inputs are about to be withdrawn."""
        start = self._starts[self._slot]
        span = range(start, start + self._setup.slots[self._slot].nbytes)
        self._saved = {
            id(leaf): leaf.clone()
            for _, leaf in leaves(result)
            if type(leaf) is torch.Tensor and leaf.layout is torch.strided and leaf.data_ptr() in span
        }
        if self._saved:
            self._device.synchronize()

    def _shown(self, command: Command) -> Shown:
        """Copy what fits; the judge compares the description before it looks at the buffer."""
        found = list(leaves(self._result if self._is_loaded else self._stand_in()))
        for output, (_, leaf) in zip(self._setup.slots[self._slot].outputs, found, strict=False):
            if output.place is not None and isinstance(leaf, torch.Tensor):
                target = rebuilt(output.place, self._outputs)
                if _fits(leaf, target):
                    target.copy_(self._saved.get(id(leaf), leaf))
        self._device.synchronize()
        described_leaves = tuple(described(leaf, device=self._device) for _, leaf in found)
        return Shown(command.number, skeleton(found), described_leaves, len(found))

    def _traced(self, command: Command) -> Traced:
        arguments = self._arguments(command.slot)
        set_seed(command.seed)
        evidence = self._witness.evidence(lambda: self._model(*arguments), source=self._source)
        return Traced(command.number, msgspec.json.encode(evidence))

    def _stand_in(self) -> Any:
        """Outputs of the reference's form that nobody has computed: copying them takes what copying takes."""
        if self._stand_ins is None:
            places = [output.place for output in self._setup.slots[self._slot].outputs]
            self._stand_ins = [torch.ones_like(rebuilt(place, self._outputs)) for place in places if place]
        return self._stand_ins

    def _arguments(self, slot: int) -> list[Any]:
        return list(rebuilt(self._setup.slots[slot].inputs, self._slots[slot]))


def _fits(leaf: torch.Tensor, target: torch.Tensor) -> bool:
    """Whether copying a leaf to its place takes copying only."""
    form = (leaf.layout, leaf.device.type, leaf.dtype, leaf.shape)
    return form == (target.layout, target.device.type, target.dtype, target.shape)


def _gate(descriptor: int) -> Barred:
    return Barred(DeviceBuffer.attach(descriptor, GATE_BYTES, writable=False))


def _own(value: Any, device: Device) -> Any:
    """A constructor's argument that the candidate may keep and change, tensors where they are used."""
    return mapped(value, lambda tensor: tensor.to(device=device.torch_device, copy=True))


def _placed(model: Model, device: Device, dtype: torch.dtype) -> Model:
    if isinstance(model, torch.nn.Module):
        return model.to(device=device.torch_device, dtype=dtype)
    return model


def _raised(number: int, error: BaseException) -> Raised:
    return Raised(
        number,
        type(error).__name__,
        candidate_traceback(error),
        out_of_memory=is_out_of_memory(error),
        hardware=is_hardware(error),
    )
