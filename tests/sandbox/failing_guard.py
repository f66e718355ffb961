"""Preloaded into a zygote, makes its keepers fail while their jobs run: the kernel has no memory left."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caesar.sandbox import keeper
from caesar.sandbox.box import Box
from caesar.sandbox.limits import Unlimited

PIDS = 3


class Failing(Unlimited):
    """Fails as soon as the job's processes are there."""

    pause_s = 0.05

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def passed(self) -> None:
        if len(list(self._folder.iterdir())) >= PIDS:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


@contextmanager
def guarded(box: Box) -> Iterator[Failing]:
    yield Failing(box.reads[0])


keeper.guarded = guarded
