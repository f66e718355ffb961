"""Preloaded into a zygote, lets its first fork fail, as where the user has no process left."""

from __future__ import annotations

import errno
import os

_fork = os.fork


def _failing() -> int:
    os.fork = _fork
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


os.fork = _failing
