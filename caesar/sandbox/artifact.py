"""What a builder leaves for evaluators: a folder of extensions.

Candidates run in that folder: whatever lies there may be theirs, the mark included.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

__all__ = ["MARK", "artifact_environment", "open_plain"]

MARK = "built.json"
"""The file that says that a folder's build is over, and how it went; written last."""


def artifact_environment(artifact: str) -> dict[str, str]:
    """The variables, for `Job.env`, under which a candidate finds its extensions."""
    return {"TORCH_EXTENSIONS_DIR": artifact}


def open_plain(path: Path) -> BufferedReader:
    """The file, for reading; OSError where it is anything but a plain file, which could be without end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a plain file", str(path))
