"""What a trajectory needs while it runs: the ports, the pinned texts and the lanes, as one value."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from caesar.domain import Problem
from caesar.effects import Backend
from caesar.engine.lanes import Lanes
from caesar.engine.memory import Memory
from caesar.engine.views import Rendering
from caesar.events import Envelope, Event
from caesar.fsm.machine import Machine
from caesar.fsm.spec import Spec
from caesar.fsm.trajectory import Trajectory, evolve
from caesar.ports import Append, Builder, Clock, DevicePool, Evaluator, EventLog, Model
from caesar.prompts.render import Templates

__all__ = ["World", "record"]


@dataclass(frozen=True, slots=True)
class World:
    """One run's ports and pinned configuration."""

    log: EventLog
    model: Model
    builder: Builder
    evaluator: Evaluator
    devices: DevicePool
    clock: Clock
    spec: Spec
    machine: Machine
    templates: Templates
    problems: Mapping[str, Problem]
    """The run's problems, by id."""
    backend: Backend
    lanes: Lanes
    device_name: str
    """The hardware's name, for prompts that ask for it."""
    observe: Callable[[Envelope], None] = field(default=lambda _: None)
    """Called with every event once it is durable: what a display follows."""
    memory: Memory | None = None
    """Which candidates need not be judged again; None judges every one."""
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to let what is in flight finish and start nothing more."""

    @property
    def rendering(self) -> Rendering:
        """What its prompts and feedback are rendered from."""
        return Rendering(
            texts=self.log.texts,
            spec=self.spec,
            templates=self.templates,
            problems=self.problems,
            backend=self.backend,
            device_name=self.device_name,
        )


async def record(world: World, trajectory: Trajectory, event: Event, *texts: str) -> Trajectory:
    """Append one event with the texts it names; the trajectory's state once both are durable."""
    append = Append(trajectory.stream, trajectory.version, (event,), texts)
    (envelope,) = await world.log.append(append)
    world.observe(envelope)
    return evolve(trajectory, event, at_us=envelope.recorded_at_us, digest=envelope.digest)
