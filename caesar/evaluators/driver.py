"""CUDA's driver, for what torch has no name for: memory that processes share, and waiting for it.

Imports nothing until it is asked for: the package comes with torch's CUDA builds only.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import Any

__all__ = ["begin_context", "did", "driver"]


def driver() -> Any:
    """The module of the driver's functions; ImportError where there is none."""
    from cuda.bindings import driver  # noqa: PLC0415 - comes with torch's CUDA builds only

    return driver


def did(answer: tuple[Any, ...]) -> Any:
    """What a driver call returned beside its status; RuntimeError where it failed."""
    status, *values = answer
    if int(status) != 0:
        raise RuntimeError(f"CUDA driver: {status.name}")
    return values[0] if values else None


def begin_context() -> None:
    """Have this process's context on the first device made beside what it does next.

    What is in the way of it is told by whoever uses the device.
    """
    with suppress(ImportError):
        Thread(target=_make_context, args=(driver(),), name="context", daemon=True).start()


def _make_context(cuda: Any) -> None:
    with suppress(RuntimeError):
        did(cuda.cuInit(0))
        did(cuda.cuDevicePrimaryCtxRetain(did(cuda.cuDeviceGet(0))))
