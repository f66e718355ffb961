"""Work on large files beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from caesar.sandbox.folders import remove_folder

__all__ = ["in_thread", "removed_after"]

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The work's result, without holding up the event loop.

    Cancelling waits for the work to end, so that nothing is written once a lock or a folder was given up.
    """
    task = asyncio.create_task(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    finally:
        if not task.done():
            await asyncio.wait({task})


@asynccontextmanager
async def removed_after(folder: Path) -> AsyncIterator[None]:
    """Remove the folder after the block without holding up the event loop: a job may leave a million files."""
    try:
        yield
    finally:
        await in_thread(remove_folder, folder)
