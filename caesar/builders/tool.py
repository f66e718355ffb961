"""The job of one compiler: runs one command in its folder, and says what it took.

Runs inside a sandboxed child only, which sees the sources, the headers and its folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

__all__ = ["run"]


def run(payload: bytes, reply: Callable[[bytes], None]) -> None:
    """Run the command that the payload lists; reply its status, CPU seconds and peak memory as JSON."""
    command = json.loads(payload)
    child = os.posix_spawn(command[0], command, os.environ)
    _pid, status, usage = os.wait4(child, 0)
    said = {
        "status": os.waitstatus_to_exitcode(status),
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss << 10,
    }
    reply(json.dumps(said).encode())
