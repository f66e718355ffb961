"""What a driver and its agents on a Ray cluster say to each other, and the actor that passes it on.

The actor runs on a node of the cluster; beside it runs the agent's own process (`caesar.cli.agent`),
because a zygote is forked from a main thread, which Ray keeps for itself. Orders and answers are one
JSON object a line.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from caesar.effects import Build, Built, Condition, Evaluate, Evaluated, Grant

__all__ = ["Actor", "Answer", "Order", "agent_environment"]

_VISIBLE = "CUDA_VISIBLE_DEVICES"

_LINE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Order:
    """What a driver asks of an agent."""

    id: int
    do: Literal["build", "acquire", "evaluate", "release"]
    request: str = ""
    affinity: str = ""
    build: Build | None = None
    evaluate: Evaluate | None = None
    grant: Grant | None = None
    condition: Condition = Condition.SOUND


@dataclass(frozen=True, slots=True)
class Answer:
    """What an agent says to an order: one of the fields, or a fault."""

    id: int
    built: Built | None = None
    grant: Grant | None = None
    evaluated: Evaluated | None = None
    held_s: float | None = None
    fault: tuple[str, str, bool] | None = None
    """Kind, message, and whether it is permanent."""


class Actor:
    """The agent's process beside it, and orders to that by number; of no use once that process has ended."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self._command = command
        self._environ = environ
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._open: dict[int, asyncio.Future[bytes]] = {}
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()

    async def ask(self, order: bytes) -> bytes:
        """The answer to an order, whose number is this actor's to give; RuntimeError without a process.

        A new process would not hold what the one that ended held: the driver has to take a new actor.
        """
        process = await self._started()
        if process.returncode is not None:
            raise _ended(process)
        assert process.stdin is not None
        number = next(self._numbers)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._open[number] = answer
        fields = {**msgspec.json.decode(order), "id": number}
        process.stdin.write(msgspec.json.encode(fields) + b"\n")
        return await answer

    async def _started(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, env=agent_environment(self._environ, os.environ), limit=_LINE_BYTES,
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                )  # fmt: skip
                self._reading = asyncio.create_task(self._read(self._process))
            return self._process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            number = msgspec.json.decode(line)["id"]
            self._open.pop(number).set_result(line)
        await process.wait()
        for answer in self._open.values():
            answer.set_exception(_ended(process))
        self._open.clear()


def _ended(process: asyncio.subprocess.Process) -> RuntimeError:
    return RuntimeError(f"the agent's process ended with status {process.returncode}")


def agent_environment(drivers: Mapping[str, str], actors: Mapping[str, str]) -> dict[str, str]:
    """What an agent's process runs in: the driver's choice, but of the GPUs those that Ray gave its actor.

    A driver's CUDA_VISIBLE_DEVICES names GPUs of the driver's machine.
    """
    chosen = {name: value for name, value in drivers.items() if name != _VISIBLE}
    return chosen | ({_VISIBLE: actors[_VISIBLE]} if _VISIBLE in actors else {})
