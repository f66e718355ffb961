"""KernelBench's evaluator on a machine without a GPU: torch.cuda stands in for itself, in the child only.

A job's target. What it measures is host time on the CPU; what it judges is judged as on a GPU.
"""

import contextlib
import json

import torch

from caesar.evaluators import kernelbench_child


def main(payload, reply):
    nothing = lambda *_arguments, **_named: None  # noqa: E731
    cuda = torch.cuda
    cuda.is_available = lambda: True
    cuda.get_device_name = lambda *_arguments, **_named: "NVIDIA stand-in"
    cuda.current_device = lambda: 0
    cuda.device = lambda *_arguments, **_named: contextlib.nullcontext()
    for name in ("synchronize", "set_device", "empty_cache", "reset_peak_memory_stats", "manual_seed"):
        setattr(cuda, name, nothing)
    asked = json.loads(payload) | {"device": "cpu", "timing_method": "host_time"}
    kernelbench_child.main(json.dumps(asked).encode(), reply)
