import json
import os
import subprocess
import sys

import pytest
import torch

from caesar.evaluators.buffers import HostBuffer, OwnBuffer, attach_buffer, create_buffer

ATTEMPTS = """
import ctypes, fcntl, json, mmap, os, sys
fd, size = int(sys.argv[1]), int(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)

def checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def reopened(flags):
    again = os.open(f"/proc/self/fd/{fd}", flags)
    os.write(again, b"x")

def mapped_again():
    again = os.open(f"/proc/self/fd/{fd}", os.O_RDWR)
    mmap.mmap(again, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)

def unprotected():
    memory = mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    checked(libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), mmap.PROT_READ | mmap.PROT_WRITE))

PUNCH, KEEP = 2, 1
attempts = {
    "map it writable": lambda: mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE),
    "make a mapping writable": unprotected,
    "write": lambda: os.write(fd, b"x"),
    "write somewhere": lambda: os.pwrite(fd, b"x", 0),
    "open it again to write": lambda: reopened(os.O_RDWR),
    "open it again to append": lambda: reopened(os.O_WRONLY | os.O_APPEND),
    "open it again to empty it": lambda: os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_TRUNC),
    "map it writable through another descriptor": mapped_again,
    "shrink": lambda: os.ftruncate(fd, 0),
    "grow": lambda: os.ftruncate(fd, 2 * size),
    "punch a hole": lambda: checked(
        libc.fallocate(fd, PUNCH | KEEP, ctypes.c_long(0), ctypes.c_long(mmap.PAGESIZE))
    ),
    "drop pages": lambda: mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ).madvise(mmap.MADV_REMOVE),
    "seal it further": lambda: fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE),
}
succeeded = []
for name, attempt in attempts.items():
    try:
        attempt()
    except (OSError, ValueError):
        continue
    succeeded.append(name)
print(json.dumps([succeeded, mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ)[:4].hex()]))
"""


def attempted(buffer):
    """What a second process that is given the descriptor can do to it, and what it reads."""
    ran = subprocess.run(
        [sys.executable, "-c", ATTEMPTS, str(buffer.descriptor), str(buffer.nbytes)],
        pass_fds=(buffer.descriptor,),
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(ran.stdout)


@pytest.mark.slow
def test_a_second_process_can_read_a_sealed_buffer_and_do_nothing_else_to_it():
    buffer = HostBuffer.create(8192, sealed=True)
    buffer.bytes().copy_(torch.arange(8192) % 251)

    succeeded, seen = attempted(buffer)

    assert [] == succeeded
    assert "00010203" == seen
    assert torch.equal(torch.arange(8192) % 251, buffer.bytes().long())


@pytest.mark.slow
def test_a_second_process_can_write_to_an_outputs_buffer_but_not_change_its_size():
    buffer = HostBuffer.create(8192, sealed=False)

    succeeded, _ = attempted(buffer)

    assert {"map it writable", "make a mapping writable", "write", "open it again to write"} <= set(succeeded)
    assert {"shrink", "grow", "open it again to empty it", "seal it further"}.isdisjoint(succeeded)


@pytest.mark.slow
def test_writing_to_a_tensor_of_a_sealed_buffer_ends_the_process_that_does():
    buffer = HostBuffer.create(4096, sealed=True)
    script = (
        "import sys, torch; from caesar.evaluators.buffers import attach_buffer;"
        " attach_buffer(int(sys.argv[1]), 4096, cuda=False, writable=False).bytes().zero_()"
    )

    ran = subprocess.run(
        [sys.executable, "-c", script, str(buffer.descriptor)], pass_fds=(buffer.descriptor,), check=False
    )

    assert -11 == ran.returncode


def test_what_the_judge_writes_after_sealing_is_what_others_see():
    ours = create_buffer(64, cuda=False, sealed=True)
    theirs = attach_buffer(os.dup(ours.descriptor), 64, cuda=False, writable=False)

    ours.bytes().fill_(7)

    assert [7] * 64 == theirs.bytes().tolist()


def test_both_sides_of_an_outputs_buffer_see_what_the_other_wrote():
    ours = create_buffer(64, cuda=False, sealed=False)
    theirs = attach_buffer(os.dup(ours.descriptor), 64, cuda=False, writable=True)

    ours.bytes().fill_(7)
    theirs.bytes()[:2] = 9

    assert [9, 9, 7] == ours.bytes()[:3].tolist()
    assert 7 == theirs.bytes()[2]


def test_a_sealed_buffer_can_not_be_mapped_writable_by_whoever_attaches_it():
    ours = create_buffer(64, cuda=False, sealed=True)

    with pytest.raises(PermissionError):
        attach_buffer(os.dup(ours.descriptor), 64, cuda=False, writable=True)


def test_a_view_lies_where_it_is_told_with_the_strides_it_is_told():
    buffer = HostBuffer.create(1024, sealed=False)
    whole = buffer.view(256, (6,), (1,), torch.float32)
    whole.copy_(torch.arange(6.0))

    across = buffer.view(256, (2, 3), (1, 2), torch.float32)

    assert [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]] == across.tolist()
    assert (1, 2) == across.stride()
    assert 0 == buffer.bytes()[:256].sum()


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 5)])
def test_a_view_of_nothing_takes_no_memory(shape):
    buffer = HostBuffer.create(0, sealed=True)

    assert shape == tuple(buffer.view(0, shape, (1,) * len(shape), torch.float16).shape)


def test_a_view_beyond_the_end_is_refused():
    with pytest.raises(ValueError, match=r"\w"):
        HostBuffer.create(64, sealed=False).view(32, (64,), (1,), torch.float32)


def test_a_descriptor_goes_with_its_buffer_and_tensors_stay():
    buffer = HostBuffer.create(64, sealed=False)
    tensor = buffer.bytes()
    tensor.fill_(3)
    descriptor = buffer.descriptor
    file = os.fstat(descriptor).st_ino

    del buffer

    assert not is_open(descriptor, file)
    assert [3] * 64 == tensor.tolist()


def is_open(descriptor, file):
    """Whether a descriptor is still of that file: others may have its number by now."""
    try:
        return os.fstat(descriptor).st_ino == file
    except OSError:
        return False


SIZES = [0, 1, 64, 1 << 16, (1 << 20) + 3, 3 << 20]


@pytest.fixture(params=["one thread", "torch's threads"])
def writers(request, monkeypatch):
    """Who writes pieces of host memory."""
    if request.param != "one thread":
        monkeypatch.setattr("caesar.evaluators.buffers._ALONE_BYTES", -1)


@pytest.mark.usefixtures("writers")
@pytest.mark.parametrize("nbytes", SIZES)
def test_all_of_a_buffer_is_filled(nbytes):
    buffer = HostBuffer.create(nbytes, sealed=True)

    buffer.fill(0xFF)

    assert bool((buffer.bytes() == 0xFF).all())


@pytest.mark.usefixtures("writers")
@pytest.mark.parametrize("nbytes", SIZES)
def test_all_of_a_buffer_is_wiped(nbytes):
    buffer = HostBuffer.create(nbytes, sealed=True)
    buffer.bytes().fill_(7)

    buffer.wipe()

    assert not buffer.bytes().any()


@pytest.mark.usefixtures("writers")
@pytest.mark.parametrize("nbytes", SIZES)
def test_all_of_a_buffer_is_taken_and_what_is_written_later_is_not(nbytes):
    shared, own = HostBuffer.create(nbytes, sealed=False), OwnBuffer(nbytes, cuda=False)
    shared.bytes().copy_(torch.arange(nbytes) % 251)

    own.take(shared)
    shared.bytes().zero_()

    assert torch.equal((torch.arange(nbytes) % 251).to(torch.uint8), own.bytes())


def test_the_order_in_which_a_buffer_is_taken_can_not_be_foreseen(monkeypatch):
    shared, own = HostBuffer.create(1 << 20, sealed=False), OwnBuffer(1 << 20, cuda=False)
    seen = set()
    for _ in range(20):
        pieces = []
        monkeypatch.setattr(OwnBuffer, "bytes", lambda _, pieces=pieces: _Noting(pieces))
        own.take(shared)
        seen.add(tuple(pieces))

    assert len(seen) > 10
    assert {16} == {len(set(order)) for order in seen}


class _Noting:
    """Notes which pieces of it are written to."""

    def __init__(self, pieces):
        self.pieces = pieces

    def __getitem__(self, piece):
        self.pieces.append((piece.start, piece.stop))
        return torch.empty(piece.stop - piece.start, dtype=torch.uint8)
