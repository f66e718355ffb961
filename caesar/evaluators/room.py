"""Whether there is memory to judge with, before the kernel ends some process for the lack of it."""

from __future__ import annotations

import time

from caesar.sandbox.memory import available_bytes

__all__ = ["require_room"]

_PATIENCE_S = 2.0
"""How long is waited for memory: a judge that was there before may still be giving its own back."""

_GB = 1e9


def require_room(more_bytes: int, *, all_bytes: int) -> None:
    """Return where so much more is free; MemoryError, naming what is known of what judging takes, elsewhere."""
    until = time.monotonic() + _PATIENCE_S
    while more_bytes > (available := available_bytes()):
        if time.monotonic() > until:
            raise MemoryError(
                f"judging takes at least {all_bytes / _GB:.1f} GB for inputs and outputs, of which"
                f" {more_bytes / _GB:.1f} GB are still needed; {available / _GB:.1f} GB are free"
            )
        time.sleep(0.05)
