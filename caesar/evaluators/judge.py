"""The judge's process: holds a problem's reference, and judges one candidate after another by it.

Trusted: it runs the user's problem and nothing of a candidate's. It knows seeds, inputs and expected
outputs, and its clock is the one that counts. Started for one problem on one device, and ended with
the lease.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Self

import msgspec
import torch

from caesar.domain import storable
from caesar.effects import Tf32
from caesar.errors import CaesarError
from caesar.evaluators.bench import Bench, Stand, open_bench
from caesar.evaluators.contest import Contest
from caesar.evaluators.device import Device, allow_tf32, is_out_of_memory, open_device
from caesar.evaluators.driver import begin_context
from caesar.evaluators.opponent import Opponent
from caesar.evaluators.policy import Policy
from caesar.evaluators.protocol import (
    Assignment,
    Baselines,
    Cause,
    Described,
    Measure,
    Message,
    Unusable,
    encode,
)
from caesar.evaluators.protocol import Contest as Order
from caesar.evaluators.reference import CONSTRUCTION_SEED, Draft, draft, load_reference
from caesar.evaluators.roofline import Work, peak_of
from caesar.evaluators.scrutiny import sliced_stand
from caesar.evaluators.setup import Desk, send_setup
from caesar.evaluators.timing import LEAST_QUIET_CALLS
from caesar.evaluators.work import work_of
from caesar.evaluators.yardstick import baseline_ms

__all__ = ["main"]

_LENGTH = struct.Struct("!I")
_ORDER_BYTES = 4096
_DETAIL_CHARS = 4000
_HUBS = frozenset({"transformers", "huggingface_hub", "datasets"})
_COMPILING_FAILS = (RuntimeError, TypeError, ValueError, AttributeError, AssertionError, ImportError, OSError)
"""What torch.compile raises where it can't compile a reference; its own errors are RuntimeErrors."""

_SLOW_TIMING_CALLS, _TIMING_CALLS = 4, 12
"""How often each model is called at least when it is timed, warm-up included: calls of a second, and others."""

_SCRUTINY_CALLS, _EVIDENCE_CALLS = 6, 3
"""How often models are called at least for other inputs, the reference in float64 too, and for evidence."""


class SlowReferenceError(CaesarError):
    """The reference alone would use up the evaluation's time limit."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    bench: Bench
    sliced: Stand | None
    desk: Desk
    work: Work | None
    """What the reference has to do at least; None where the device's rates are not known."""

    @classmethod
    def of(cls, bench: Bench, sliced: Stand | None, work: Work | None) -> Self:
        """With a candidate's desk for it."""
        return cls(bench, sliced, bench.desk(*(() if sliced is None else (sliced,))), work)

    def writable_copy(self) -> Self:
        """The same problem for a candidate that may write to its inputs; the reference is not set up again."""
        bench = self.bench.writable_copy()
        sliced = self.sliced if self.sliced is None or bench.cuda else self.sliced.unsealed()
        return self.of(bench, sliced, self.work)


def main(payload: bytes, _reply: Callable[[bytes], None], control: int) -> None:
    """Get ready for the problem in the payload, then judge whoever the supervisor sends a link to."""
    with socket.socket(fileno=control) as supervisor, torch.no_grad():
        _Judge(supervisor, msgspec.json.decode(payload, type=Assignment)).serve()


class _Judge:
    def __init__(self, supervisor: socket.socket, work: Assignment) -> None:
        self._supervisor = supervisor
        self._work = work
        self._device: Device | None = None
        self._prepared: dict[bool, _Prepared] = {}
        """By whether candidates may write to their inputs; the one for those who may is made when one comes."""

    def serve(self) -> None:
        started = time.perf_counter()
        try:
            drafted, device = self._draft_and_open()
            self._prepared[False] = self._prepare(device, drafted)
        except Exception as error:  # noqa: BLE001 - whatever a reference raises is told, and ends the judge
            self._tell(_unusable(error, opened=self._device is not None))
            return
        seconds = time.perf_counter() - started
        self._tell(Described(device.name, str(torch.__version__), torch.version.cuda, device.driver, seconds))
        while (ordered := self._next()) is not None:
            match ordered:
                case Order() as order, int(link):
                    self._judge(order, link)
                case Measure() as measure, _:
                    self._measure(measure)

    def _judge(self, order: Order, link: int) -> None:
        with socket.socket(fileno=link) as candidate:
            if order.writable and True not in self._prepared:
                self._prepared[True] = self._prepared[False].writable_copy()
            prepared = self._prepared[order.writable]
            with suppress(OSError):  # it has gone already: the contest will tell
                send_setup(candidate, prepared.desk)
            contest = Contest(
                prepared.bench,
                Opponent(candidate, starter=prepared.bench.starter(), spin_s=prepared.bench.spin_s),
                sliced=prepared.sliced,
                work=prepared.work,
                policy=Policy(self._work.settings.policy),
                progress=self._tell,
            )
            self._tell(contest.report())

    def _measure(self, measure: Measure) -> None:
        """Time the reference alone; a way that raises (torch.compile may) is told, and ends nothing."""
        started = time.perf_counter()
        bench = self._prepared[False].bench
        samples: dict[str, tuple[float, ...]] = {}
        failed: dict[str, str] = {}
        for name in measure.names:
            try:
                samples[name] = baseline_ms(bench, name, now=time.perf_counter)
            except _COMPILING_FAILS as error:
                failed[name] = storable(f"{type(error).__name__}: {error}")[:_DETAIL_CHARS]
        self._tell(Baselines(samples, failed, time.perf_counter() - started))

    def _draft_and_open(self) -> tuple[Draft | None, Device]:
        """The device, and what of the reference can be had while the driver makes a GPU's context."""
        torch.set_num_threads(self._work.threads)
        allow_tf32(allowed=self._work.settings.tf32 is Tf32.ON)
        if not self._work.cuda:
            return None, self._open()
        begin_context()
        try:
            drafted = draft(self._work.reference)
        finally:  # where there is no device, that is what is told
            device = self._open()
        return drafted, device

    def _open(self) -> Device:
        self._device = open_device(cuda=self._work.cuda, core=self._work.core)
        return self._device

    def _prepare(self, device: Device, drafted: Draft | None) -> _Prepared:
        work = self._work
        precision = work.settings.precision
        reference = load_reference(work.reference, device=device, precision=precision, drafted=drafted)
        started = time.perf_counter()
        bench = open_bench(reference, work.settings)
        opened_s = time.perf_counter() - started
        _require_time(bench, work, opened_s=opened_s)
        return _Prepared.of(bench, sliced_stand(bench), _least_work(bench))

    def _next(self) -> tuple[Order, int] | tuple[Measure, None] | None:
        """The supervisor's next order, with its link to a candidate; None once the supervisor is gone."""
        data, descriptors, _flags, _address = socket.recv_fds(self._supervisor, _ORDER_BYTES, 1)
        if not data:
            return None
        if not descriptors:
            return msgspec.json.decode(data, type=Measure), None
        return msgspec.json.decode(data, type=Order), descriptors[0]

    def _tell(self, message: Message) -> None:
        body = encode(message)
        self._supervisor.sendall(_LENGTH.pack(len(body)) + body)


def _least_work(bench: Bench) -> Work | None:
    """What the reference has to do at least; None where that would serve nothing, or can't be counted."""
    if peak_of(bench.device.name) is None or bench.mutates:
        return None
    inputs = bench.reference.inputs(CONSTRUCTION_SEED)
    try:
        return work_of(bench.model, inputs, bench.expected(inputs, seed=CONSTRUCTION_SEED))
    except (RuntimeError, TypeError, ValueError, KeyError, torch.OutOfMemoryError):
        return None


def _require_time(bench: Bench, work: Assignment, *, opened_s: float) -> None:
    """Refuse a reference so slow that a candidate as fast could not be judged in time.

    Opening the bench has made inputs and called the reference, and more: where there is time for as long as
    that took, nothing has to be measured.
    """
    trials = work.settings.correctness_trials
    untimed = LEAST_QUIET_CALLS + 2 * trials + _SCRUTINY_CALLS + _EVIDENCE_CALLS
    if (untimed + 2 * _TIMING_CALLS) * opened_s <= work.limit_s:
        return
    started = time.perf_counter()
    inputs = bench.reference.inputs(CONSTRUCTION_SEED)
    made = time.perf_counter()
    bench.expected(inputs, seed=CONSTRUCTION_SEED)
    inputs_s, call_s = made - started, time.perf_counter() - made
    timed = _TIMING_CALLS if call_s < 1.0 else _SLOW_TIMING_CALLS
    needed_s = (untimed + 2 * timed) * (inputs_s + call_s)
    if needed_s > work.limit_s:
        raise SlowReferenceError(
            f"making inputs takes {inputs_s:.1f} s and a call {call_s:.1f} s,"
            f" {trials} trials and their timing {needed_s:.0f} s of {work.limit_s:.0f} s"
        )


def _unusable(error: BaseException, *, opened: bool) -> Unusable:
    """Why no candidate can be judged here."""
    words = storable(f"{type(error).__name__}: {error}".replace(f"{Path.cwd()}{os.sep}", ""))[:_DETAIL_CHARS]
    if not opened:
        return Unusable(Cause.DEVICE, words)
    match error:
        case SlowReferenceError():
            return Unusable(Cause.SLOW, str(error))
        case ModuleNotFoundError(name=str(name)):
            return Unusable(Cause.PACKAGE, storable(name))
        case OSError() if _passed_a_hub(error.__traceback__):
            return Unusable(Cause.HUB, words)
    return Unusable(Cause.MEMORY if is_out_of_memory(error) else Cause.RAISED, words)


def _passed_a_hub(trace: TracebackType | None) -> bool:
    """Whether a library that fetches models raised it."""
    modules = (str(frame.f_globals.get("__name__")) for frame, _ in walk_tb(trace))
    return any(module.partition(".")[0] in _HUBS for module in modules)
