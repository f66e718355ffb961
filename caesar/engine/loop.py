"""The story of one trajectory: decide, record or perform, and again until there is nothing to do.

Every arrow of the machine passes here. Deciding is pure; each event is durable before the next
decision; a request is recorded before it is performed and its outcome after, so that whoever reads
the log after a crash knows exactly what was in flight.
"""

from __future__ import annotations

from typing import assert_never

from caesar.domain import digest_of
from caesar.engine.perform import close, perform
from caesar.engine.world import World, record
from caesar.events import TurnEnded
from caesar.fsm.machine import Close, EndTurn, Perform, Record, Stop, Wait, decide
from caesar.fsm.trajectory import Trajectory, Turn

__all__ = ["advance"]


async def advance(world: World, trajectory: Trajectory) -> Trajectory:
    """Take a trajectory as far as it goes: finished, suspended, or running still if the world drains."""
    while True:
        decision = decide(world.machine, trajectory, now_us=world.clock.now_us())
        match decision:
            case Record(event):
                trajectory = await record(world, trajectory, event)
            case EndTurn(turn):
                trajectory = await _end_turn(world, trajectory, turn)
            case Close(request, lease):
                trajectory = await close(world, trajectory, request, lease=lease)
            case Perform() | Wait() if world.draining.is_set():
                return trajectory
            case Perform(request, attempt):
                trajectory = await perform(world, trajectory, request, attempt=attempt)
            case Wait(until_us):
                await world.clock.sleep_until(until_us)
            case Stop():
                return trajectory
            case _:
                assert_never(decision)


async def _end_turn(world: World, trajectory: Trajectory, turn: Turn) -> Trajectory:
    feedback = world.rendering.feedback(turn)
    ended = TurnEnded(turn.number, turn.outcome, digest_of(feedback))
    return await record(world, trajectory, ended, feedback)
