"""What a run is: pinned by its first event, continued, extended or refused by later commands.

A run's name is unique in its store. The same name with the same identity continues; more samples,
problems or turns extend it; anything else is an error that shows the difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from caesar.domain import Digest, Problem, digest_of, stream_of
from caesar.errors import StoreError, UsageError
from caesar.events import (
    CandidateRescored,
    Envelope,
    Event,
    ForkOrigin,
    HeadRecorded,
    PinnedProblem,
    RunExtended,
    RunFinished,
    RunForked,
    RunResumed,
    RunStarted,
    TrajectoryForked,
    TrajectoryStarted,
    canonical,
)
from caesar.fsm.spec import Spec, difference, identity, resolved

__all__ = ["Configuration", "Member", "Run", "extension", "fold_run", "members", "started"]

_SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything a run depends on, as one command asks for it."""

    name: str
    group: str
    spec: Spec
    problems: tuple[Problem, ...]
    templates: Mapping[str, str]
    evaluator: str
    caesar: str
    device_name: str
    """The hardware's, as prompts give it that show it; no part of what the run is."""
    provenance: str | None = None
    """How replayed completions came about; None for a model's live answers."""
    forked: RunForked | None = None
    """Where its trajectories begin, if they are forks."""

    @property
    def spec_text(self) -> str:
        """The resolved spec in its one canonical form."""
        return canonical(resolved(self.spec)).decode()

    @property
    def identity(self) -> Digest:
        """Over what has to be equal for two commands to mean the same run."""
        return digest_of(canonical([identity(self.spec), self.evaluator]).decode())

    @property
    def pinned(self) -> tuple[PinnedProblem, ...]:
        """The problems by digest, in order."""
        return tuple(
            PinnedProblem(problem.id, problem.name, problem.level, problem.digest) for problem in self.problems
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its stream of events tells it."""

    id: str
    name: str
    group: str
    version: int
    spec: Digest
    identity: Digest
    suite: str
    problems: tuple[PinnedProblem, ...]
    samples: int
    turns: int | None
    templates: Mapping[str, Digest]
    evaluator: str
    finished: bool = False
    """True while nothing happened since the last run_finished."""
    heads: tuple[HeadRecorded, ...] = ()
    forked: RunForked | None = None
    """Where its trajectories begin, if they are forks."""
    device_names: tuple[tuple[int, str | None], ...] = ()
    """From which instant on prompts gave the hardware which name; None where an older version did not say."""

    def device_name_at(self, at_us: int) -> str | None:
        """What prompts rendered at the instant called the hardware; None where that is not known."""
        return next((name for since_us, name in reversed(self.device_names) if since_us <= at_us), None)

    @property
    def planned(self) -> int:
        """How many trajectories it consists of."""
        return len(self.problems) * self.samples if self.forked is None else len(self.forked.origins)


@dataclass(frozen=True, slots=True)
class Member:
    """One trajectory that a run consists of, whether or not it has begun."""

    stream: str
    problem: PinnedProblem
    sample: int
    seed: int
    origin: ForkOrigin | None = None
    """Where it begins, if it is a fork."""

    @property
    def opening(self) -> TrajectoryStarted | TrajectoryForked:
        """The first event of its stream."""
        problem, origin = self.problem, self.origin
        if origin is None:
            return TrajectoryStarted(problem.id, problem.source, self.sample, self.seed)
        return TrajectoryForked(
            parent=origin.parent,
            version=origin.version,
            digest=origin.digest,
            turn=origin.turn,
            problem=problem.id,
            source=problem.source,
            sample=self.sample,
            seed=self.seed,
        )


def started(configuration: Configuration, *, run: str) -> RunStarted:
    """The first event of a new run."""
    return RunStarted(
        run=run,
        name=configuration.name,
        group=configuration.group,
        spec=digest_of(configuration.spec_text),
        identity=configuration.identity,
        suite=configuration.spec.problems.suite,
        problems=configuration.pinned,
        samples=configuration.spec.samples,
        turns=configuration.spec.budget.turns,
        templates={name: digest_of(text) for name, text in sorted(configuration.templates.items())},
        evaluator=configuration.evaluator,
        provenance=configuration.provenance,
        caesar=configuration.caesar,
        device_name=configuration.device_name,
    )


def fold_run(envelopes: Iterable[Envelope]) -> Run:
    """The run that a run's stream describes; StoreError where the stream does not begin one."""
    run: Run | None = None
    heads: list[HeadRecorded] = []  # a run of many trajectories has as many: none is copied for the next
    for envelope in envelopes:
        event = envelope.event
        run = _evolve(run, event, at_us=envelope.recorded_at_us)
        heads += [event] if isinstance(event, HeadRecorded) else []
    if run is None:
        raise StoreError("there is no such run in this store; `caesar status` lists those that are")
    return replace(run, heads=tuple(heads))


def _evolve(run: Run | None, event: Event, *, at_us: int) -> Run:
    if isinstance(event, RunStarted):
        return _opened(event, at_us=at_us)
    if run is None:
        raise StoreError(f"a run's stream begins with run_started, not with {event.kind}")
    after = replace(run, version=run.version + 1)
    match event:
        case RunExtended():
            return replace(
                after,
                spec=event.spec,
                problems=event.problems,
                samples=event.samples,
                turns=event.turns,
                finished=False,
            )
        case RunForked():
            return replace(after, forked=event)
        case RunResumed():
            return replace(after, finished=False, device_names=(*run.device_names, (at_us, event.device_name)))
        case RunFinished():
            return replace(after, finished=event.suspended == 0)
        case HeadRecorded() | CandidateRescored():
            return after
    raise StoreError(f"an event of kind {event.kind} does not belong in the stream of run {run.id}")


def _opened(event: RunStarted, *, at_us: int) -> Run:
    return Run(
        id=event.run,
        name=event.name,
        group=event.group,
        version=1,
        spec=event.spec,
        identity=event.identity,
        suite=event.suite,
        problems=event.problems,
        samples=event.samples,
        turns=event.turns,
        templates=event.templates,
        evaluator=event.evaluator,
        device_names=((at_us, event.device_name),),
    )


def extension(run: Run, configuration: Configuration, *, pinned_spec: str) -> RunExtended | None:
    """What the configuration adds to the run: None for nothing, UsageError where it is another run.

    The pinned spec is the text the run's spec digest names. A run grows only: fewer problems,
    samples or turns than it has are refused like any other difference.
    """
    problems = _merged(run, configuration)
    turns = configuration.spec.budget.turns
    shrunk = configuration.spec.samples < run.samples or _fewer(turns, run.turns)
    if configuration.identity != run.identity or problems is None or shrunk:
        raise UsageError(_refusal(run, configuration, pinned_spec=pinned_spec))
    wanted = RunExtended(digest_of(configuration.spec_text), problems, configuration.spec.samples, turns)
    if (wanted.problems, wanted.samples, wanted.turns) == (run.problems, run.samples, run.turns):
        return None
    if run.forked is not None:
        raise UsageError(
            f"run {run.name} is a fork, which does not grow: `caesar resume {run.name}` continues it, and"
            " another `caesar fork` makes another"
        )
    return wanted


def _merged(run: Run, configuration: Configuration) -> tuple[PinnedProblem, ...] | None:
    """The run's problems followed by new ones; None where one was dropped or its source changed."""
    wanted = {problem.id: problem for problem in configuration.pinned}
    if any(wanted.get(problem.id) != problem for problem in run.problems):
        return None
    known = {problem.id for problem in run.problems}
    return (*run.problems, *(problem for problem in configuration.pinned if problem.id not in known))


def _fewer(turns: int | None, than: int | None) -> bool:
    if turns is None:
        return False
    return than is None or turns < than


def _refusal(run: Run, configuration: Configuration, *, pinned_spec: str) -> str:
    lines = list(difference(msgspec.json.decode(pinned_spec), resolved(configuration.spec)))
    if configuration.evaluator != run.evaluator:
        lines.append(f"evaluator: {run.evaluator} -> {configuration.evaluator}")
    wanted = {problem.id: problem for problem in configuration.pinned}
    for problem in run.problems:
        if problem.id not in wanted:
            lines.append(f"problem {problem.id}: no longer selected")
        elif wanted[problem.id] != problem:
            lines.append(f"problem {problem.id}: its reference source changed")
    shown = "".join(f"\n  {line}" for line in lines)
    return (
        f"run {run.name} exists with another configuration; give --name for a new run,"
        f" or undo what differs (recorded -> now):{shown}"
    )


def members(run: Run, *, seed: int) -> Iterator[Member]:
    """Every trajectory of the run, sample by sample, so that each problem is begun early."""
    if run.forked is not None:
        return _forks(run, run.forked, seed=seed)
    return (
        Member(stream_of(run.id, problem.id, sample), problem, sample, seed=_seed(seed, problem.id, sample))
        for sample in range(run.samples)
        for problem in run.problems
    )


def _forks(run: Run, forked: RunForked, *, seed: int) -> Iterator[Member]:
    """A forked run's trajectories; forks of one turn have one seed in every run, and not their parent's."""
    pinned = {problem.id: problem for problem in run.problems}
    for origin in sorted(forked.origins, key=lambda origin: origin.sample):
        stream = stream_of(run.id, origin.problem, origin.sample)
        drawn = _seed(seed, f"{origin.parent}@{origin.version}", origin.sample)
        yield Member(stream, pinned[origin.problem], origin.sample, seed=drawn, origin=origin)


def _seed(seed: int, problem: str, sample: int) -> int:
    name = f"{seed}/{problem}/{sample}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % _SEEDS
