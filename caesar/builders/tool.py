"""The job of one compiler: runs one command in its folder, and says what it took.

Runs inside a sandboxed child only, which sees the sources, the headers and its folder.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["run"]


def run(payload: bytes, reply: Callable[[bytes], None]) -> None:
    """Run the command that the payload lists; reply its status, CPU seconds and peak memory as JSON."""
    reply(json.dumps(_ran(json.loads(payload))).encode())


def _ran(command: list[str]) -> dict[str, Any]:
    """How the command ended; one that can be given to no program has failed, whatever program it is."""
    try:
        child = os.posix_spawn(command[0], command, os.environ)
    except ValueError as error:
        return _refused(str(error))
    except OSError as error:
        if error.errno != errno.E2BIG:
            raise
        return _refused("its arguments are too long")
    _pid, status, usage = os.wait4(child, 0)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss << 10,
    }


def _refused(why: str) -> dict[str, Any]:
    sys.stderr.write(f"error: the compiler can't be given its command: {why}\n")
    return {"status": 1, "cpu_s": 0.0, "peak_bytes": 0}
