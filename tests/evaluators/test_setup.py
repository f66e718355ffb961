import os
import socket

import pytest
import torch
from open_files import open_files

from caesar.evaluators.buffers import HostBuffer, attach_buffer
from caesar.evaluators.layout import Planner
from caesar.evaluators.setup import Desk, Output, Setup, Slot, receive_setup, send_setup


@pytest.fixture
def pair():
    """Both ends of a link."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


def desk_of(*buffers):
    planner = Planner()
    inputs = planner.plan([torch.zeros(2), 3.5, {"a": None}])
    place = Planner().place(torch.zeros(2))
    setup = Setup(
        cuda=False,
        dtype="float32",
        writable=False,
        host_bytes=0,
        arguments=Planner().plan([8, "x"]),
        state=(("weight", place),),
        output_bytes=256,
        tf32=False,
        spin_s=0.0,
        slots=(Slot(planner.nbytes, inputs, (Output(place), Output(None))),),
    )
    return Desk(setup, tuple(buffer.descriptor for buffer in buffers))


def test_a_setup_arrives_as_it_was_sent_with_its_memory_in_order(pair):
    buffers = [HostBuffer.create(64, sealed=True) for _ in range(12)]
    for number, buffer in enumerate(buffers):
        buffer.bytes().fill_(number)
    desk = desk_of(*buffers)

    send_setup(pair[0], desk)
    arrived = receive_setup(pair[1])

    seen = [int(attach_buffer(fd, 64, cuda=False, writable=False).bytes()[0]) for fd in arrived.descriptors]
    assert desk.setup == arrived.setup
    assert list(range(12)) == seen


def test_a_link_without_a_setup_brings_none(pair):
    pair[0].close()

    assert receive_setup(pair[1]) is None


def test_sending_a_setup_leaves_no_descriptor_open(pair):
    buffer = HostBuffer.create(64, sealed=True)

    send_setup(pair[0], desk_of(buffer))
    sent = open_files("/memfd:setup")
    (descriptor,) = receive_setup(pair[1]).descriptors
    os.close(descriptor)

    assert [] == sent == open_files("/memfd:setup")
