"""What the judge hands a candidate's process before anything is called: plans, and descriptors in order.

Plain data, read by the candidate's process, which nobody else trusts: nothing in it is secret. Imports
torch through the plans: judge and candidate only.
"""

from __future__ import annotations

import os
import socket

import msgspec

from caesar.evaluators.buffers import Buffer
from caesar.evaluators.layout import Place, Plan

__all__ = ["Desk", "Output", "Setup", "Slot", "receive_setup", "send_setup"]

_HELLO = b"setup"
_MOST_DESCRIPTORS = 64


class Output(msgspec.Struct, frozen=True):
    """One output of the reference: where the candidate is to copy its own, if it is a tensor."""

    place: Place | None


class Slot(msgspec.Struct, frozen=True):
    """One set of inputs in a buffer of its own, and the form of what the reference makes of them."""

    nbytes: int
    inputs: Plan
    outputs: tuple[Output, ...]


class Setup(msgspec.Struct, frozen=True):
    """Everything but the memory itself."""

    cuda: bool
    dtype: str
    """Of floating-point parameters, as torch names it."""
    writable: bool
    """Whether the candidate may write to its inputs."""
    host_bytes: int
    """The size of the first buffer, which holds arguments and parameters."""
    arguments: Plan
    """What the constructor takes."""
    state: tuple[tuple[str, Place], ...]
    """The reference's parameters and buffers, by name."""
    output_bytes: int
    """The size of the second buffer, which outputs are copied to."""
    slots: tuple[Slot, ...]
    tf32: bool
    """Whether the candidate's process may do fp32 products in TF32, as it finds it."""
    spin_s: float
    """How long to wait for the judge without sleeping; 0 where processors are too few for that."""


class Desk(msgspec.Struct, frozen=True):
    """A setup with its descriptors: the host's, the outputs', on CUDA the gate's, then each slot's."""

    setup: Setup
    descriptors: tuple[int, ...]
    buffers: tuple[Buffer, ...] = ()
    """In the judge's process, those that the descriptors are of and are closed with."""


def send_setup(link: socket.socket, desk: Desk) -> None:
    """Hand everything over in one message."""
    plan = os.memfd_create("setup", os.MFD_CLOEXEC)
    try:
        with os.fdopen(plan, "wb", closefd=False) as file:
            file.write(msgspec.json.encode(desk.setup))
        socket.send_fds(link, [_HELLO], [plan, *desk.descriptors])
    finally:
        os.close(plan)


def receive_setup(link: socket.socket) -> Desk | None:
    """The judge's setup; None where the judge has nothing for this process."""
    message, descriptors, _flags, _address = socket.recv_fds(link, len(_HELLO), _MOST_DESCRIPTORS)
    if not message:
        return None
    plan, *others = descriptors
    with os.fdopen(plan, "rb") as file:
        file.seek(0)
        setup = msgspec.json.decode(file.read(), type=Setup)
    return Desk(setup, tuple(others))
