"""One evaluation, inside its sandboxed child: load both, compare them, time them, say what was found.

This is the only way into the modules here that import torch. Candidate and judge share a process for
now, so the answer is only as honest as the candidate (trust none); what it can't do is to take the
supervisor with it, or to blame the reference.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch

from caesar.domain import Mismatch
from caesar.effects import EvaluationSettings
from caesar.evaluators.boundary import Boundary, Channel, SlowReferenceError
from caesar.evaluators.compare import COMPARABLE, is_finite, mismatch
from caesar.evaluators.contention import Snapshot, share_of_others
from caesar.evaluators.device import Device, open_device
from caesar.evaluators.protocol import Assignment, Described, Differs, Prepared, Reply, Stage, Timed, Tried
from caesar.evaluators.reference import (
    CONSTRUCTION_SEED,
    Model,
    Reference,
    call,
    construct,
    copy_state,
    load_reference,
    place,
    secret_seed,
    state_of,
)
from caesar.evaluators.tensors import cloned, leaves, same_bits
from caesar.evaluators.timing import Bench, measure, rotation_of
from caesar.sandbox.candidate import MODULE, load_candidate
from caesar.sandbox.extensions import serve

__all__ = ["main"]

_UNDISTURBED = 0.1
"""The share of the CPU that others may use while something is timed before it is worth a finding."""

_SLOW_TIMING_CALLS = 4
"""How often each model is called at least when it is timed, warm-up included."""


def main(payload: bytes, reply: Reply) -> None:
    """Judge the assignment in the payload; everything found goes out as frames."""
    channel = Channel(reply)
    with Boundary(channel), torch.no_grad():
        _evaluate(msgspec.json.decode(payload, type=Assignment), channel)


def _evaluate(work: Assignment, channel: Channel) -> None:
    channel.reached(Stage.DEVICE)
    device = _open(work, channel)
    channel.reached(Stage.REFERENCE)
    reference = load_reference(work.reference, device=device, precision=work.settings.precision)
    ours, state = _reference_model(reference, work, channel)
    channel.reached(Stage.CANDIDATE)
    theirs, copied = _candidate_model(reference, work, state)
    channel.send(Prepared("copied" if copied else "seeded"))
    contest = Contest(reference, ours, theirs, work.settings)
    channel.reached(Stage.TRIAL)
    if _check(contest, channel):
        channel.reached(Stage.TIMING)
        _time(contest, channel)


def _open(work: Assignment, channel: Channel) -> Device:
    """The device, with as many threads for torch as there are processors to use."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    device = open_device(cuda=work.cuda)
    channel.send(Described(device.name, str(torch.__version__), torch.version.cuda))
    return device


def _reference_model(
    reference: Reference, work: Assignment, channel: Channel
) -> tuple[Model, dict[str, torch.Tensor]]:
    """The reference's model, shown to work, and its state as constructed.

    It is run once before the candidate is loaded: a failure after that is the candidate's doing.
    """
    model = construct(reference.module.Model, reference.init_inputs())
    state = state_of(model)
    model = place(model, device=reference.device, precision=reference.precision)
    _try_reference(reference, model, work, now=channel.now)
    copy_state(state, model)
    return model, state


def _try_reference(reference: Reference, model: Model, work: Assignment, *, now: Callable[[], float]) -> None:
    """Run the reference once; raise whatever makes it unfit to judge candidates by."""
    started = now()
    inputs = reference.inputs(CONSTRUCTION_SEED)
    made = now()
    output = call(model, inputs, seed=CONSTRUCTION_SEED, device=reference.device)
    _require_time(work, inputs_s=made - started, call_s=now() - made)
    _require_comparable(output)


def _require_time(work: Assignment, *, inputs_s: float, call_s: float) -> None:
    """Refuse a reference so slow that a candidate as fast could not be judged in time."""
    trials = work.settings.correctness_trials
    needed_s = (trials + 1) * inputs_s + 2 * (trials + _SLOW_TIMING_CALLS) * call_s
    if needed_s > work.limit_s:
        raise SlowReferenceError(
            f"making inputs takes {inputs_s:.1f} s and a call {call_s:.1f} s,"
            f" {trials} trials and their timing {needed_s:.0f} s of {work.limit_s:.0f} s"
        )


def _require_comparable(output: Any) -> None:
    for path, leaf in leaves(output):
        if not isinstance(leaf, COMPARABLE):
            raise TypeError(f"output{path} is a {type(leaf).__name__}, which can't be compared")


def _candidate_model(
    reference: Reference, work: Assignment, state: dict[str, torch.Tensor]
) -> tuple[Model, bool]:
    """The candidate's model, and whether it took over all of the reference's state."""
    serve(Path(os.environ["TORCH_EXTENSIONS_DIR"]))
    module = load_candidate(work.candidate, folder=Path.cwd(), name=MODULE)
    model = construct(module.ModelNew, reference.init_inputs())
    copied = copy_state(state, model)
    return place(model, device=reference.device, precision=reference.precision), copied


@dataclass(frozen=True, slots=True)
class Contest:
    """The two models, and what they are compared on."""

    reference: Reference
    ours: Model
    theirs: Model
    settings: EvaluationSettings

    @property
    def device(self) -> Device:
        """Where both models are."""
        return self.reference.device

    @property
    def on_gpu(self) -> bool:
        """Whether the timed work is a GPU's."""
        return self.device.torch_device.type == "cuda"

    def differing(self, expected: Any, got: Any) -> Mismatch | None:
        """The first difference beyond the precision's tolerance."""
        return mismatch(expected, got, tolerance=self.settings.precision.tolerance)


def _check(contest: Contest, channel: Channel) -> bool:
    """Whether every trial passed; the first that does not ends the evaluation."""
    for _ in range(contest.settings.correctness_trials):
        found = _trial(contest, channel, seed=secret_seed())
        if found is not None:
            channel.send(Differs(found))
            return False
        channel.send(Tried())
    return True


def _trial(contest: Contest, channel: Channel, *, seed: int) -> Mismatch | None:
    """Run both on their own clones of fresh inputs."""
    inputs = contest.reference.inputs(seed)
    expected = call(contest.ours, cloned(inputs), seed=seed, device=contest.device)
    if not is_finite(expected):
        channel.notice("reference_nonfinite", "the reference's output has NaN or infinite values")
    handed = cloned(inputs)
    got = call(contest.theirs, handed, seed=seed, device=contest.device)
    _notice_mutation(channel, inputs, handed)
    return contest.differing(expected, got)


def _notice_mutation(channel: Channel, inputs: list[Any], handed: list[Any]) -> None:
    """Report the first input tensor that the candidate wrote to."""
    for (path, kept), (_, used) in zip(leaves(inputs), leaves(handed), strict=False):
        if isinstance(kept, torch.Tensor) and not _untouched(kept, used):
            channel.notice("input_mutated", f"the candidate changed input{path}")
            return


def _untouched(kept: torch.Tensor, used: torch.Tensor) -> bool:
    alike = kept.shape == used.shape and kept.dtype == used.dtype and kept.device == used.device
    return alike and same_bits(kept, used)


def _notice_contention(channel: Channel, before: Snapshot | None) -> None:
    """Report that others used the CPU, which distorts what a wall clock says."""
    after = Snapshot.now()
    if before is None or after is None:
        return
    share = share_of_others(before, after)
    if share > _UNDISTURBED:
        detail = f"other processes used {share:.0%} of the CPU while this was timed"
        channel.notice("cpu_shared", detail)


def _time(contest: Contest, channel: Channel) -> None:
    """Time both, and look at what the last timed calls returned: they have to do the work too."""
    bench = Bench(contest.ours, contest.theirs, rotation_of(contest.reference, now=channel.now), contest.device)
    before = None if contest.on_gpu else Snapshot.now()
    measured = measure(bench, settings=contest.settings, now=channel.now)
    _notice_contention(channel, before)
    found = contest.differing(measured.expected, measured.got)
    if found is not None:
        channel.send(Differs(found, timed=True))
        return
    channel.send(Timed(measured.candidate_ms, measured.reference_ms))
