"""What a candidate's call ran, by its own process's account: evidence, never proof.

Operators (those called from C++ too) and, on a GPU, kernels by torch's profiler; functions that were
replaced, threads and processes left behind. Runs in the candidate's process.
"""

from __future__ import annotations

import inspect
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from torch._C._autograd import DeviceType
from torch.autograd.profiler import profile

from caesar.evaluators.device import Device
from caesar.evaluators.evidence import Evidence, declared_kernels

__all__ = ["Witness"]

_MOST_NAMES = 60
_NAME_CHARS = 120
_TICKS_OF_STAT = (13, 14)
_SETTLE_S = 0.02


class Witness:
    """Knows what the process was like before the candidate was loaded."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._functions = _watched()

    def before(self) -> None:
        """Note the state of things; to be called right before the candidate is loaded."""
        self._functions = _watched()

    def evidence(self, call: Callable[[], object], *, source: str) -> Evidence:
        """What one call of that source's model runs, and what it has left standing since it was loaded."""
        ops, kernels = self._ran(call)
        replaced = [name for name, function in _watched().items() if function is not self._functions[name]]
        return Evidence(
            operators=_most(ops),
            kernels=_most(kernels),
            declared=declared_kernels(source),
            replaced=tuple(replaced),
            threads=max(0, threading.active_count() - 1),
            busy=_busy_tasks(),
            children=_children(),
            tf32=_tf32(),
        )

    def _ran(self, call: Callable[[], object]) -> tuple[Counter[str], Counter[str]]:
        """Operators, from C++ too, and kernels; torch's newer profiler takes a second to import."""
        on_gpu = self._device.torch_device.type == "cuda"
        with profile(use_kineto=True, use_device="cuda" if on_gpu else None) as recorded:
            call()
            self._device.synchronize()
        operators, kernels = Counter[str](), Counter[str]()
        for event in recorded.function_events or ():
            (kernels if event.device_type == DeviceType.CUDA else operators)[event.name] += 1
        return operators, kernels


def _watched() -> dict[str, object]:
    """The functions that harnesses go by, and that have been replaced to fool them.

    Without what is wrapped around them: torch.compile does so itself.
    """
    found: dict[str, Callable[..., object]] = {
        "time.perf_counter": time.perf_counter,
        "time.time": time.time,
        "torch.allclose": torch.allclose,
        "torch.equal": torch.equal,
        "torch.isclose": torch.isclose,
        "torch.manual_seed": torch.manual_seed,
        "torch.rand": torch.rand,
        "torch.randn": torch.randn,
        "torch.cuda.synchronize": torch.cuda.synchronize,
        "torch.cuda.Event": torch.cuda.Event,
        "torch.cuda.Event.elapsed_time": torch.cuda.Event.elapsed_time,
        "torch.cuda.Event.record": torch.cuda.Event.record,
        "torch.Tensor.__eq__": torch.Tensor.__eq__,
        "torch.Tensor.copy_": torch.Tensor.copy_,
        "torch.nn.functional.linear": torch.nn.functional.linear,
        "torch.nn.functional.conv2d": torch.nn.functional.conv2d,
        "torch.nn.Linear.forward": torch.nn.Linear.forward,
        "torch.nn.Module.__call__": torch.nn.Module.__call__,
    }
    return {name: inspect.unwrap(function) for name, function in found.items()}


def _most(counter: Counter[str]) -> dict[str, int]:
    return {name[:_NAME_CHARS]: count for name, count in counter.most_common(_MOST_NAMES)}


def _busy_tasks() -> int:
    """How many other threads of this process are at work although nobody called it."""
    before = _ticks()
    time.sleep(_SETTLE_S)
    after = _ticks()
    own = threading.get_native_id()
    return sum(1 for task, ticks in after.items() if task != own and ticks > before.get(task, ticks))


def _ticks() -> dict[int, int]:
    found = {}
    for stat in Path("/proc/self/task").glob("*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(stat.parent.name)] = sum(int(fields[field - 2]) for field in _TICKS_OF_STAT)
    return found


def _children() -> int:
    try:
        lists = [path.read_text() for path in Path(f"/proc/{os.getpid()}/task").glob("*/children")]
    except OSError:
        return 0
    return sum(len(text.split()) for text in lists)


def _tf32() -> bool:
    return bool(torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32)
