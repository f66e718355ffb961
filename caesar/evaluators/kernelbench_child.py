"""KernelBench's evaluator in a process of its own: called here, and answered for in plain JSON.

Two ways lead here: as a job's target, where KernelBench runs under our interpreter (`main`) or under
another (`foreign`, which runs this file as a program there). So it takes nothing but the standard
library, torch and KernelBench, and no newer Python than 3.10. KernelBench's clients for language
models are replaced by empty modules: they take seconds to import and read `.env` files.

The candidate runs in this process: whatever it answers is the candidate's word.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

__all__ = ["foreign", "imported", "main", "program"]

_EMPTY = {"openai": ("OpenAI",), "litellm": ("completion",), "dotenv": ("load_dotenv",)}
"""What KernelBench imports and an evaluation never calls."""

_TEXT_LENGTH = 1000
"""Of each value of KernelBench's metadata."""

_LINE_BYTES = 4 << 20


def main(payload: bytes, reply: Callable[[bytes], None]) -> None:
    """Judge as the payload says, in two replies: what is there, and what KernelBench said."""
    asked = json.loads(payload)
    try:
        evaluation, timing = imported(asked["package"])
    except ImportError as error:
        reply(_frame({"type": "unusable", "what": str(error)[:_TEXT_LENGTH]}))
        return
    if not torch.cuda.is_available():
        what = "KernelBench's evaluator takes a GPU, and this interpreter's torch sees none"
        reply(_frame({"type": "unusable", "what": what}))
        return
    name = torch.cuda.get_device_name(0)
    reply(
        _frame({"type": "ready", "device_name": name, "torch": torch.__version__, "cuda": torch.version.cuda})
    )
    if asked["artifact"] is not None and asked["python"] is None:
        from caesar.sandbox.extensions import serve  # noqa: PLC0415 - another interpreter may have no Caesar

        serve(Path(asked["artifact"]))
    reply(_frame(_judged(asked, evaluation, timing)))


def foreign(payload: bytes, reply: Callable[[bytes], None]) -> None:
    """Have another interpreter do it, and pass on what it answers."""
    ours, theirs = os.pipe()
    command: list[str] = [json.loads(payload)["python"], "-I", __file__, str(theirs)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(theirs,)) as process:
        assert process.stdin is not None
        os.close(theirs)
        with contextlib.suppress(BrokenPipeError), process.stdin:  # it may end at once; its status says so
            process.stdin.write(payload)
        with os.fdopen(ours, "rb") as answers:
            while line := answers.readline(_LINE_BYTES):
                reply(line)
    sys.exit(process.returncode if process.returncode >= 0 else 128 - process.returncode)


def program() -> None:
    """The payload from stdin, each reply as a line to the descriptor that the first argument names."""
    payload = sys.stdin.buffer.read()
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)
    with os.fdopen(descriptor, "wb", buffering=0) as answers:
        main(payload, lambda frame: _write(answers, frame))


def _write(answers: Any, frame: bytes) -> None:
    answers.write(frame + b"\n")


def _text(value: object) -> str:
    """A value in words that JSON readers take: bounded, without lone surrogates."""
    return str(value)[:_TEXT_LENGTH].encode("utf-8", "replace").decode()


def _frame(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode("ascii")


def imported(folder: str) -> tuple[Any, Any]:
    """KernelBench's eval and timing modules, from its package's folder."""
    for name, things in _EMPTY.items():
        sys.modules[name] = _empty(name, things)
    parent = types.ModuleType("kernelbench")
    parent.__path__ = [folder]
    parent.__spec__ = importlib.machinery.ModuleSpec("kernelbench", None, is_package=True)
    parent.__spec__.submodule_search_locations = [folder]
    sys.modules["kernelbench"] = parent  # its __init__ would import everything
    return importlib.import_module("kernelbench.eval"), importlib.import_module("kernelbench.timing")


def _empty(name: str, things: tuple[str, ...]) -> types.ModuleType:
    module = types.ModuleType(name)
    for thing in things:
        setattr(module, thing, lambda *_arguments, **_named: None)
    return module


def _judged(asked: dict[str, Any], evaluation: Any, timing: Any) -> dict[str, Any]:
    """What KernelBench said, its live objects as texts, with the times behind its means."""
    samples: list[list[float]] = []
    stated = timing.get_timing_stats

    def noted(elapsed_times: list[float], device: Any = None) -> Any:
        samples.append([float(elapsed) for elapsed in elapsed_times])
        return stated(elapsed_times, device=device)

    timing.get_timing_stats = noted
    result = evaluation.eval_kernel_against_ref(
        asked["reference"],
        asked["candidate"],
        num_correct_trials=asked["correctness_trials"],
        num_perf_trials=asked["timing_trials"],
        measure_performance=asked["timing"],
        timing_method=asked["timing_method"],
        device=torch.device(asked["device"]),
        backend=asked["backend"],
        precision=evaluation.get_torch_dtype_from_string(asked["precision"]),
    )
    if result is None:
        return {"type": "retry"}
    timed = result.runtime > 0 and len(samples) > 0
    return {
        "type": "said",
        "compiled": bool(result.compiled),
        "correct": bool(result.correctness),
        "runtime": float(result.runtime),
        "reference": float(result.ref_runtime),
        "metadata": {_text(key): _text(value) for key, value in result.metadata.items()},
        "samples": samples[0] if timed else [],
        "reference_samples": samples[-1] if len(samples) > timed else [],
    }


if __name__ == "__main__":
    program()
