"""What recorded outcomes are folded through when a run is replayed: today's spec, machine and templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from caesar.effects import Backend
from caesar.engine.plan import Member, Run, members
from caesar.engine.resume import Pinned
from caesar.engine.views import Rendering
from caesar.events import Envelope, EvaluationCompleted
from caesar.fsm.machine import Machine, compile_machine
from caesar.fsm.spec import Spec
from caesar.prompts.render import Templates

__all__ = ["Today", "evaluated_on", "today"]


@dataclass(frozen=True, slots=True)
class Today:
    """What recorded outcomes are folded through."""

    spec: Spec
    machine: Machine
    rendering: Rendering
    members: Mapping[str, Member]
    """The run's trajectories, by their streams."""
    other: bool
    """The spec is not the run's own: only the strategy is compared, not the model and the seeds."""
    run: Run

    @property
    def device_names(self) -> frozenset[str]:
        """Everything that `device_name_at` may say."""
        names = (name for _, name in self.run.device_names)
        return frozenset({self.rendering.device_name, *(name for name in names if name is not None)})

    def device_name_at(self, at_us: int) -> str:
        """What prompts rendered at the instant called the hardware."""
        name = self.run.device_name_at(at_us)
        return self.rendering.device_name if name is None else name


def today(
    run: Run, pinned: Pinned, *, spec: Spec | None, templates: Mapping[str, str], device: str = ""
) -> Today:
    """The run's own spec or another one, with the given templates and the run's own problems.

    `device` is the hardware's name where the run's events don't tell it, being an older version's.
    """
    chosen = spec or pinned.spec
    backend = pinned.spec.backend or Backend.CPU
    rendering = Rendering(
        texts=lambda _: {},
        spec=chosen,
        templates=Templates(templates),
        problems={problem.id: problem for problem in pinned.problems},
        backend=backend,
        device_name=device,
    )
    known = {member.stream: member for member in members(run, seed=pinned.spec.seed)}
    return Today(chosen, compile_machine(chosen), rendering, known, spec is not None, run)


def evaluated_on(histories: Iterable[Sequence[Envelope]]) -> str:
    """The hardware's name as the first evaluation tells it: for runs of a version that did not record it."""
    events = (e.event for history in histories for e in history if e.kind == EvaluationCompleted.kind)
    names = (
        event.evaluation.environment.device_name for event in events if isinstance(event, EvaluationCompleted)
    )
    return next(names, "")
