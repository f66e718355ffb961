"""What a builder leaves for evaluators: a folder of extensions, and the environment it was built in.

Candidates run in that folder: whatever lies there may be theirs, the mark included.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

__all__ = ["MARK", "artifact_environment", "open_plain"]

MARK = "built.json"
"""The file that says that a folder's build is over, and how it went; written last."""


def artifact_environment(artifact: str) -> dict[str, str]:
    """The variables under which a candidate finds its extensions built, and nothing is compiled again.

    For `Job.env`: torch compares the compiler's command lines, which depend on some of them. A
    damaged mark counts as none.
    """
    environment = {"TORCH_EXTENSIONS_DIR": artifact}
    with suppress(OSError, ValueError, KeyError, TypeError), open_plain(Path(artifact) / MARK) as mark:
        environment.update(json.load(mark)["env"])
    return environment


def open_plain(path: Path) -> BufferedReader:
    """The file, for reading; OSError where it is anything but a plain file, which could be without end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a plain file", str(path))
