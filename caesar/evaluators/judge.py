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

import msgspec
import torch

from caesar.domain import storable
from caesar.errors import CaesarError
from caesar.evaluators.bench import Bench, Stand, open_bench
from caesar.evaluators.contest import Contest
from caesar.evaluators.device import Device, is_out_of_memory, open_device
from caesar.evaluators.opponent import Opponent
from caesar.evaluators.policy import Policy
from caesar.evaluators.protocol import Assignment, Cause, Described, Message, Unusable, encode
from caesar.evaluators.protocol import Contest as Order
from caesar.evaluators.reference import CONSTRUCTION_SEED, Reference, load_reference
from caesar.evaluators.scrutiny import sliced_stand
from caesar.evaluators.setup import Desk, send_setup

__all__ = ["main"]

_LENGTH = struct.Struct("!I")
_ORDER_BYTES = 4096
_DETAIL_CHARS = 4000
_HUBS = frozenset({"transformers", "huggingface_hub", "datasets"})
_SLOW_TIMING_CALLS = 4
"""How often each model is called at least when it is timed, warm-up included."""


class SlowReferenceError(CaesarError):
    """The reference alone would use up the evaluation's time limit."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    bench: Bench
    sliced: Stand | None
    desk: Desk


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
        """By whether candidates may write to their inputs."""

    def serve(self) -> None:
        started = time.perf_counter()
        try:
            device = self._open()
            self._prepare(device, writable=False)
        except Exception as error:  # noqa: BLE001 - whatever a reference raises is told, and ends the judge
            self._tell(_unusable(error, opened=self._device is not None))
            return
        seconds = time.perf_counter() - started
        self._tell(Described(device.name, str(torch.__version__), torch.version.cuda, seconds))
        while (ordered := self._next()) is not None:
            self._judge(device, *ordered)

    def _judge(self, device: Device, order: Order, link: int) -> None:
        with socket.socket(fileno=link) as candidate:
            prepared = self._prepared.get(order.writable) or self._prepare(device, writable=order.writable)
            with suppress(OSError):  # it has gone already: the contest will tell
                send_setup(candidate, prepared.desk)
            contest = Contest(
                prepared.bench,
                Opponent(candidate, spin_s=prepared.bench.spin_s),
                sliced=prepared.sliced,
                policy=Policy(self._work.settings.policy),
                progress=self._tell,
            )
            self._tell(contest.report())

    def _open(self) -> Device:
        """The device, with as many threads for torch as the candidate gets."""
        torch.set_num_threads(self._work.threads)
        self._device = open_device(cuda=self._work.cuda)
        return self._device

    def _prepare(self, device: Device, *, writable: bool) -> _Prepared:
        work = self._work
        reference = load_reference(work.reference, device=device, precision=work.settings.precision)
        bench = open_bench(reference, work.settings, writable=writable)
        _require_time(reference, bench, work)
        sliced = sliced_stand(bench)
        desk = bench.desk(*(() if sliced is None else (sliced,)))
        prepared = self._prepared[writable] = _Prepared(bench, sliced, desk)
        return prepared

    def _next(self) -> tuple[Order, int] | None:
        """The supervisor's next order with its link; None once the supervisor is gone."""
        data, descriptors, _flags, _address = socket.recv_fds(self._supervisor, _ORDER_BYTES, 1)
        if not data or not descriptors:
            return None
        return msgspec.json.decode(data, type=Order), descriptors[0]

    def _tell(self, message: Message) -> None:
        body = encode(message)
        self._supervisor.sendall(_LENGTH.pack(len(body)) + body)


def _require_time(reference: Reference, bench: Bench, work: Assignment) -> None:
    """Refuse a reference so slow that a candidate as fast could not be judged in time."""
    started = time.perf_counter()
    inputs = reference.inputs(CONSTRUCTION_SEED)
    made = time.perf_counter()
    bench.expected(inputs, seed=CONSTRUCTION_SEED)
    inputs_s, call_s = made - started, time.perf_counter() - made
    trials = work.settings.correctness_trials
    needed_s = (2 * trials + _SLOW_TIMING_CALLS) * inputs_s + 2 * (trials + _SLOW_TIMING_CALLS) * call_s
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
