"""The device an evaluation's child computes on: one small interface, so that CPU and GPU share all code.

Imports torch: only an evaluation's child may import this. A device takes hold of every function that
measures time when it is opened, which is before the candidate's code can replace one.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from caesar.evaluators.surroundings import driver_version

__all__ = [
    "HEAD_START_MS",
    "Cpu",
    "Cuda",
    "Device",
    "TimedCall",
    "allow_tf32",
    "is_hardware",
    "is_out_of_memory",
    "nothing",
    "open_device",
]

_FLUSH_BYTES = 256 << 20
"""More than any GPU's second-level cache holds."""

_CPU_FLUSH_BYTES = 64 << 20
"""Twice what a core can reach of most CPUs' caches; where they are larger, they are as full for either side."""

HEAD_START_MS = 0.8
"""How long the host has, at least, for launching the reference before the device begins with it.

Twenty operators take 0.3 to 0.45 ms to launch, by chance more in one process than in the other.
"""

_CYCLES_TO_MEASURE = 2_000_000
_CYCLES_TO_HOLD = 400_000
"""A millisecond, and 0.2, at 2 GHz."""

_HARDWARE = ("uncorrectable ECC", "busy or unavailable", "hardware error", "GPU is lost")
"""What the driver says where the device, not a kernel, is broken."""


@dataclass(frozen=True, slots=True)
class TimedCall:
    """One call, its work on the device included."""

    elapsed_ms: float
    launch_ms: float
    """Until the call returned to the host; on the CPU that is all of it."""
    result: Any


def nothing(*_arguments: object) -> None:
    """What is called where nothing is to be."""


class Device(ABC):
    """Where models run; measures calls in milliseconds."""

    torch_device: torch.device
    name: str
    """The hardware's name."""

    @property
    def driver(self) -> str | None:
        """The driver's version; None where there is none."""
        return None

    def conditions(self) -> dict[str, float]:
        """Clocks, temperature, power and company, as far as they can be had."""
        return {}

    def works(self) -> bool:
        """Whether this process, which nobody has tampered with, can still compute on the device."""
        try:
            return bool((torch.ones(16, device=self.torch_device) * 2).sum().item() == 32)  # noqa: PLR2004
        except RuntimeError:
            return False

    @abstractmethod
    def synchronize(self) -> None:
        """Return once everything queued on the device is done; raises what failed there."""

    @abstractmethod
    def flush(self) -> None:
        """Have the caches filled with something else."""

    @abstractmethod
    def lead(self, ms: float) -> None:
        """Queue what a call can be timed behind: cold caches, and so many milliseconds for launching it."""

    @abstractmethod
    def timed(
        self,
        call: Callable[[], object],
        *,
        behind: Callable[[], object] = nothing,
        launched: Callable[[], object] = nothing,
    ) -> TimedCall:
        """Make a call behind what is queued for it, measured in ms; return once the device is idle.

        Once all of it is launched, say so.
        """


class Cpu(Device):
    """The CPU, measured by the wall clock: one core of it, if that is named.

    What more cores add to a call is up to the scheduler, which treats a process that has just computed
    better than one that has slept: equal code was timed at half the other's speed.
    """

    def __init__(self, core: int | None = None) -> None:
        self._core = core
        self.torch_device = torch.device("cpu")
        self.name = _processor()
        self._now = time.perf_counter
        self._flushed: torch.Tensor | None = None

    def flush(self) -> None:
        """Read more than most caches hold."""
        if self._flushed is None:
            self._flushed = torch.ones(_CPU_FLUSH_BYTES // 4)  # zeros would be one page, many times
        self._flushed.sum()

    def synchronize(self) -> None:
        """Do nothing: the CPU's calls are done when they return."""

    def lead(self, ms: float) -> None:
        """Queue nothing: nothing is launched."""

    def timed(
        self,
        call: Callable[[], object],
        *,
        behind: Callable[[], object] = nothing,
        launched: Callable[[], object] = nothing,
    ) -> TimedCall:
        """Make a call, measured by the wall clock."""
        behind()
        with self._alone():
            started = self._now()
            result = call()
            elapsed_ms = (self._now() - started) * 1000.0
        launched()
        return TimedCall(elapsed_ms, elapsed_ms, result)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """On the core alone, if one is named; threads that are started meanwhile stay there."""
        if self._core is None:
            yield
            return
        cores, threads = os.sched_getaffinity(0), torch.get_num_threads()
        torch.set_num_threads(1)
        os.sched_setaffinity(0, {self._core})
        try:
            yield
        finally:
            os.sched_setaffinity(0, cores)
            torch.set_num_threads(threads)


class Cuda(Device):
    """The one visible GPU, measured by events on the current stream.

    Work that a call leaves on other streams is waited for, but not within the measured time.
    """

    def __init__(self) -> None:
        self.torch_device = torch.device("cuda", 0)
        self.name = torch.cuda.get_device_name(0)
        self._event: Callable[..., torch.cuda.Event] = torch.cuda.Event
        self._record = torch.cuda.Event.record
        self._elapsed: Callable[[torch.cuda.Event, torch.cuda.Event], float] = torch.cuda.Event.elapsed_time
        self._synchronize = torch.cuda.synchronize
        self._now = time.perf_counter
        self._sleep: Callable[[int], None] = torch.cuda._sleep  # noqa: SLF001 - it has no public name
        self._flushed: torch.Tensor | None = None
        self._cycles_a_ms = 0.0

    @property
    def driver(self) -> str | None:
        """The version that the kernel module tells."""
        return driver_version()

    def conditions(self) -> dict[str, float]:
        """What NVML tells; nothing where the package nvidia-ml-py is missing."""
        try:
            return {
                "sm_clock_mhz": float(torch.cuda.clock_rate()),
                "temperature_c": float(torch.cuda.temperature()),
                "power_w": torch.cuda.power_draw() / 1000.0,
                "processes": float(_processes()),
            }
        except (RuntimeError, ImportError, OSError):
            return {}

    def synchronize(self) -> None:
        """Return once every stream is idle; raises what failed in a kernel."""
        self._synchronize(self.torch_device)

    def flush(self) -> None:
        """Queue an overwrite of the second-level cache."""
        if self._flushed is None:
            self._flushed = torch.empty(_FLUSH_BYTES, dtype=torch.uint8, device=self.torch_device)
        self._flushed.zero_()

    def hold(self) -> None:
        """Keep the device for a while, in which what is queued next comes together."""
        self._sleep(_CYCLES_TO_HOLD)

    def lead(self, ms: float) -> None:
        """Queue an overwrite of the second-level cache, and a sleep."""
        cycles = round(ms * self._rate())
        self.flush()
        self._sleep(cycles)

    def timed(
        self,
        call: Callable[[], object],
        *,
        behind: Callable[[], object] = nothing,
        launched: Callable[[], object] = nothing,
    ) -> TimedCall:
        """Make a call between two events of the current stream, as KernelBench measures.

        The host launches its kernels while the device is still busy with what the call is behind. That
        ends with a kernel: the device changes to this process's context only for one, which takes
        0.14 ms and is no part of the call.
        """
        start, end = self._event(enable_timing=True), self._event(enable_timing=True)
        behind()
        self._record(start)
        began = self._now()
        result = call()
        launch_ms = (self._now() - began) * 1000.0
        self._record(end)
        launched()
        self.synchronize()
        return TimedCall(self._elapsed(start, end), launch_ms, result)

    def _rate(self) -> float:
        """The cycles of a millisecond's sleep; measured once, the first time to bring the clock up."""
        for _ in range(0 if self._cycles_a_ms else 2):
            start, end = self._event(enable_timing=True), self._event(enable_timing=True)
            self._record(start)
            self._sleep(_CYCLES_TO_MEASURE)
            self._record(end)
            self.synchronize()
            self._cycles_a_ms = _CYCLES_TO_MEASURE / self._elapsed(start, end)
        return self._cycles_a_ms


def allow_tf32(*, allowed: bool) -> None:
    """Whether fp32 matrix products and convolutions may be done in TF32, in this process."""
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def open_device(*, cuda: bool, core: int | None = None) -> Device:
    """The device, ready to compute, a CPU's calls timed on that core; RuntimeError where there is none."""
    return Cuda() if cuda else Cpu(core)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an exception says that host or device memory ran out."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    )


def is_hardware(error: BaseException | None) -> bool:
    """Whether an exception says that the device itself is broken."""
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _HARDWARE)


def _processes() -> int:
    """How many processes compute on the device."""
    import pynvml  # noqa: PLC0415 - an optional package, which torch's functions above need too

    handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(0).uuid}")
    return len(pynvml.nvmlDeviceGetComputeRunningProcesses(handle))


def _processor() -> str:
    """The processor's name, as the kernel tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "CPU"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "CPU")
