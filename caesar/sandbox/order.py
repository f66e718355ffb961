"""How the supervisor hands a job to the zygote: one message, four descriptors, the job in a memory file."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from caesar.sandbox.job import Job

__all__ = ["READY", "Call", "Order", "receive", "send"]

READY = b"ready"
"""What a zygote says once it can fork."""

_FORK = b"fork"
_DESCRIPTORS = 4


@dataclass(frozen=True, slots=True)
class Order:
    """The descriptors of one job, open in whoever holds the value."""

    spec: int
    """A memory file that holds the call."""
    link: int
    """The supervisor's hang-up ends the job; the report comes back on it."""
    output: int
    reply: int

    @property
    def descriptors(self) -> tuple[int, int, int, int]:
        """All four, in the order they travel in."""
        return self.spec, self.link, self.output, self.reply

    def close(self) -> None:
        """Close all four here."""
        for descriptor in self.descriptors:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Call:
    """What a child is to do: which function, with which payload, where, in which environment."""

    target: str
    payload: bytes
    folder: Path
    env: Mapping[str, str]

    @classmethod
    def of(cls, job: Job, environment: Mapping[str, str]) -> Call:
        """The job's call, its own variables over the clean environment's, its folder as HOME and TMPDIR."""
        home = {"HOME": str(job.folder), "TMPDIR": str(job.folder)}
        return cls(job.target, job.payload, job.folder, {**environment, **home, **job.env})

    def write(self) -> int:
        """The descriptor of a new memory file that holds the call."""
        head = {"target": self.target, "folder": str(self.folder), "env": dict(self.env)}
        descriptor = os.memfd_create("job", os.MFD_CLOEXEC)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(json.dumps(head).encode() + b"\n" + self.payload)
        return descriptor

    @classmethod
    def read(cls, descriptor: int) -> Call:
        """The call that a memory file holds."""
        with open(descriptor, "rb", closefd=False) as file:
            file.seek(0)
            head = json.loads(file.readline())
            return cls(head["target"], file.read(), Path(head["folder"]), head["env"])


def send(control: socket.socket, order: Order) -> None:
    """Ask the zygote at the other end to start the job."""
    socket.send_fds(control, [_FORK], order.descriptors)


def receive(control: socket.socket) -> Order | None:
    """The next job, or None once the supervisor is gone."""
    message, descriptors, _flags, _address = socket.recv_fds(control, len(_FORK), _DESCRIPTORS)
    return Order(*descriptors) if message else None
