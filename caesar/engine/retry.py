"""When a faulted request is tried again: exponential backoff with jitter from the run's seed."""

from __future__ import annotations

import hashlib

from caesar.errors import Fault

__all__ = ["ATTEMPTS", "retry_at"]

ATTEMPTS = 5
"""Attempts at one request before its trajectory is suspended."""

_FIRST_S = 1.0
_LONGEST_S = 60.0


def retry_at(fault: Fault, *, tries: int, request: str, now_us: int) -> int | None:
    """The instant of the next attempt in microseconds; None where trying again is pointless.

    What the other side asked for (`retry_after_s`) wins over the policy. The jitter, up to half of
    the delay, comes from the request's name, so that the same fault is retried at the same delay.
    """
    if fault.permanent or tries >= ATTEMPTS:
        return None
    if fault.retry_after_s is not None:
        return now_us + int(fault.retry_after_s * 1e6)
    delay_s = min(_LONGEST_S, _FIRST_S * 2 ** (tries - 1))
    return now_us + int(delay_s * (1 + _share(f"{request}#{tries}") / 2) * 1e6)


def _share(name: str) -> float:
    """A number from 0 to 1 that depends on the name alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) / 2**32
