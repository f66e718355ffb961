"""How the supervisor hands a job to the zygote: one message, some descriptors, the job in a memory file."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from caesar.sandbox.box import Box, Tier
from caesar.sandbox.frames import send_frame
from caesar.sandbox.job import MOST_DESCRIPTORS, Job
from caesar.sandbox.report import Report

__all__ = ["READY", "Call", "Order", "receive", "send"]

READY = b"ready"
"""What a zygote says once it can fork."""

_FORK = b"fork"
_OWN_DESCRIPTORS = 4
_USER = "candidate"
"""What a boxed child is called, whose number no list of accounts knows."""


@dataclass(frozen=True, slots=True)
class Order:
    """The descriptors of one job, open in whoever holds the value."""

    spec: int
    """A memory file that holds the call."""
    link: int
    """The supervisor's hang-up ends the job; the report comes back on it."""
    output: int
    reply: int
    given: tuple[int, ...] = ()
    """What the target is called with besides payload and reply."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """All of them, in the order they travel in."""
        return self.spec, self.link, self.output, self.reply, *self.given

    def close(self) -> None:
        """Close all of them here."""
        os.close(self.link)
        self.close_but_link()

    def close_but_link(self) -> None:
        """Close here what only the child needs."""
        for descriptor in (self.spec, self.output, self.reply, *self.given):
            os.close(descriptor)

    def report_broken(self, fault: str) -> None:
        """Tell the supervisor why nothing of the job can run, if it still listens."""
        with suppress(OSError):
            send_frame(self.link, Report.broken(fault).encode())


@dataclass(frozen=True, slots=True)
class Call:
    """What a child is to do: which function, with which payload, where, in which environment and box."""

    target: str
    payload: bytes
    folder: Path
    env: Mapping[str, str]
    box: Box

    @property
    def module(self) -> str:
        """Where the target lies."""
        return self.target.partition(":")[0]

    @classmethod
    def of(cls, job: Job, environment: Mapping[str, str]) -> Call:
        """The job's call, its own variables over the clean environment's, its folder as HOME and TMPDIR."""
        home = {"HOME": str(job.folder), "TMPDIR": str(job.folder)}
        user = {} if job.box.tier is Tier.NONE else dict.fromkeys(("USER", "LOGNAME"), _USER)
        return cls(job.target, job.payload, job.folder, {**environment, **home, **user, **job.env}, job.box)

    def write(self) -> int:
        """The descriptor of a new memory file that holds the call."""
        head = {
            "target": self.target,
            "folder": str(self.folder),
            "env": dict(self.env),
            "box": self.box.encode(),
        }
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
            box = Box.decode(head["box"])
            return cls(head["target"], file.read(), Path(head["folder"]), head["env"], box)


def send(control: socket.socket, order: Order) -> None:
    """Ask the zygote at the other end to start the job."""
    socket.send_fds(control, [_FORK], order.descriptors)


def receive(control: socket.socket) -> Order | None:
    """The next job, or None once the supervisor is gone."""
    most = _OWN_DESCRIPTORS + MOST_DESCRIPTORS
    message, descriptors, _flags, _address = socket.recv_fds(control, len(_FORK), most)
    if not message:
        return None
    spec, link, output, reply, *given = descriptors
    return Order(spec, link, output, reply, tuple(given))
