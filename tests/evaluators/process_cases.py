"""Finding the processes that a test has started, by their ancestry and by the folder they work in."""

import os
from pathlib import Path


def descendants(of=None):
    """Every process that a process has started, this one by default, and those that they have."""
    found = []
    try:
        lists = [task.read_text() for task in Path(f"/proc/{of or os.getpid()}/task").glob("*/children")]
    except OSError:
        return []
    for pid in map(int, " ".join(lists).split()):
        found += [pid, *descendants(pid)]
    return found


def working_in(folder, pattern):
    """Those of them whose working folder is one of some in a folder."""
    return [pid for pid in descendants() if _folder_of(pid).match(f"{folder}/{pattern}")]


def _folder_of(pid):
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return Path("/")
