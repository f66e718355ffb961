"""What a candidate's call waits behind on a GPU, and who opens it: inputs come when the head start is over.

The candidate's process queues a wait on its stream, launches its call behind it, and says so. Then the
judge writes the inputs, overwrites the second-level cache, and writes the number that is waited for.
So launching is not part of the call's time, as far as the head start lasts, and neither is it time to
work in: there is nothing to work on yet.

Imports torch: judge and candidate only.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import torch

from caesar.evaluators.buffers import DeviceBuffer
from caesar.evaluators.device import Cuda
from caesar.evaluators.driver import did, driver

__all__ = ["GATE_BYTES", "Barred", "Gate", "Starter"]

GATE_BYTES = 4
"""A number of 32 bits, in device memory that both processes see."""

_KERNEL = b"""
.version 6.0
.target sm_50
.address_size 64

.visible .entry wait_for(.param .u64 gate, .param .u32 number)
{
    .reg .pred %is_shut;
    .reg .b32 %number, %found, %ahead;
    .reg .b64 %gate;

    ld.param.u64 %gate, [gate];
    ld.param.u32 %number, [number];
    cvta.to.global.u64 %gate, %gate;
AGAIN:
    ld.volatile.global.u32 %found, [%gate];
    sub.s32 %ahead, %found, %number;
    setp.lt.s32 %is_shut, %ahead, 0;
    @%is_shut bra AGAIN;
    ret;
}
\0"""
"""One thread that looks until the gate is open.

The driver's own way to wait (cuStreamWaitValue32) leaves the device to others, and takes 2 ms to come
back to a process with several streams.
"""


class Gate:
    """The judge's side: a number, greater for every call than for the one before."""

    def __init__(self, buffer: DeviceBuffer) -> None:
        self._buffer = buffer
        self._driver = driver()

    def open(self, number: int) -> None:
        """Open it for the number, and all before, once what is queued on the current stream is done."""
        did(self._driver.cuStreamWriteValue32(_stream(), self._buffer.address, number, 0))


class Barred:
    """The candidate's side."""

    def __init__(self, buffer: DeviceBuffer) -> None:
        self._buffer = buffer
        self._driver = driver()
        torch.cuda.synchronize()  # a module is loaded into the current context: now there is one
        module = did(self._driver.cuModuleLoadData(_KERNEL))
        self._kernel = did(self._driver.cuModuleGetFunction(module, b"wait_for"))

    def wait(self, number: int) -> None:
        """Have what is queued on the current stream from now on wait until the gate is open for the number."""
        values = (self._buffer.address, number), (ctypes.c_void_p, ctypes.c_uint32)
        did(self._driver.cuLaunchKernel(self._kernel, 1, 1, 1, 1, 1, 1, 0, _stream(), values, 0))


class Starter:
    """The judge's side of one candidate's calls."""

    def __init__(self, device: Cuda, gate: Gate) -> None:
        self._device = device
        self._gate = gate
        self._shown = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch has not annotated it
        gate.open(0)  # shut: the candidate before this one left its last number
        device.synchronize()

    def ready(self, show: Callable[[], None]) -> None:
        """Queue the showing of the inputs and the overwrite of the cache.

        All of it in one go: where this process leaves the device idle, the candidate's waiting kernel
        has it for a time slice.
        """
        self._device.hold()
        show()
        self._device.flush()
        self._shown.record()

    def open(self, number: int) -> None:
        """Let the call of that number begin; return when it can."""
        self._gate.open(number)
        self._shown.synchronize()


def _stream() -> int:
    return int(torch.cuda.current_stream().cuda_stream)
