"""A job that becomes another program, such as a compiler, in the same box."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence

__all__ = ["TARGET", "program", "run"]

TARGET = "caesar.sandbox.program:run"
"""The target of such jobs; their exit status is the program's, and their output what it prints."""

_NOT_FOUND = 127


def program(arguments: Sequence[str], *, env: Mapping[str, str] | None = None) -> bytes:
    """The payload that says which program with which arguments; `env` is added to the job's environment."""
    return json.dumps({"arguments": list(arguments), "env": dict(env or {})}).encode()


def run(payload: bytes, _reply: Callable[[bytes], None], *descriptors: int) -> None:
    """Become the program, found on the PATH; descriptors that the job is given are given on to it."""
    asked = json.loads(payload)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)
    environment = {**os.environ, **asked["env"]}
    try:
        os.execvpe(asked["arguments"][0], asked["arguments"], environment)  # noqa: S606 - no shell, on purpose
    except OSError as error:
        sys.stderr.write(f"{asked['arguments'][0]}: {error.strerror}\n")
        sys.exit(_NOT_FOUND)
