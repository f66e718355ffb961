"""What this process has open, by file: how much it has open in all changes with every thread it has."""

import os
from pathlib import Path


def open_files(of):
    """The descriptors of files whose path, as the kernel tells it, begins with that."""
    found = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - iterating opens one more
        try:
            path = str(Path(f"/proc/self/fd/{name}").readlink())
        except FileNotFoundError:  # closed meanwhile
            continue
        if path.startswith(str(of)):
            found.append(int(name))
    return found
