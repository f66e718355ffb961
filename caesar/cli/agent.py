"""The process that works for another machine's run: orders on stdin, answers on stdout, a line each.

Started beside a Ray actor (`caesar.devices.orders`). It owns this node's machinery for as long as stdin is
open, takes this node's own device locks, and knows neither a store nor a key.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from dataclasses import replace

import msgspec

from caesar.cli.machinery import Machinery, choose_devices, machinery
from caesar.devices.orders import Answer, Order
from caesar.effects import Backend, Isolation
from caesar.errors import Fault, UsageError

__all__ = ["main"]

_LINE_BYTES = 256 << 20


async def _serve(backend: Backend, isolation: Isolation) -> None:
    orders = asyncio.StreamReader(limit=_LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    async with AsyncExitStack() as stack:
        try:
            opening = machinery(choose_devices(backend, ()), backend, isolation=isolation)
            machine = await stack.enter_async_context(opening)
        except UsageError as error:
            await _refuse(orders, error)
        else:
            await _work(orders, machine)


async def _refuse(orders: asyncio.StreamReader, error: UsageError) -> None:
    """Say to every order why this node can't do what is asked of it."""
    while line := await orders.readline():
        order = msgspec.json.decode(line, type=Order)
        _say(Answer(order.id, fault=("device", f"a node of the Ray cluster can't be used: {error}", True)))


async def _work(orders: asyncio.StreamReader, machine: Machinery) -> None:
    async with asyncio.TaskGroup() as group:
        working: set[asyncio.Task[None]] = set()
        while line := await orders.readline():
            order = msgspec.json.decode(line, type=Order)
            task = group.create_task(_answered(machine, order))
            working.add(task)
            task.add_done_callback(working.discard)
        for task in working:  # whoever asked is gone
            task.cancel()


async def _answered(machine: Machinery, order: Order) -> None:
    try:
        answer = await _done(machine, order)
    except Fault as fault:
        answer = Answer(order.id, fault=(fault.kind, str(fault), fault.permanent))
    _say(answer)


def _say(answer: Answer) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


async def _done(machine: Machinery, order: Order) -> Answer:
    match order:
        case Order(do="build", build=build) if build is not None:
            return Answer(order.id, built=await machine.builder.build(build))
        case Order(do="acquire"):
            grant = await machine.devices.acquire(order.request, affinity=order.affinity)
            return Answer(order.id, grant=grant)
        case Order(do="release", grant=held) if held is not None:
            return Answer(order.id, held_s=await machine.devices.release(held, condition=order.condition))
        case Order(do="evaluate", evaluate=work, build=build, grant=held) if work and build and held:
            built = await machine.builder.build(build)
            if built.artifact is None:
                raise Fault(
                    "builder", f"a candidate that was built elsewhere can't be built here: {built.reason}"
                )
            here = replace(work, artifact=built.artifact)
            return Answer(order.id, evaluated=await machine.evaluator.evaluate(here, held))
    raise Fault("internal", f"an order that can't be read: {order.do}", permanent=True)


def main() -> None:
    """Serve until stdin ends; the arguments are a backend and how far candidates have to be shut in."""
    asyncio.run(_serve(Backend(sys.argv[1]), Isolation(sys.argv[2])))


if __name__ == "__main__":
    os.setsid()
    main()
