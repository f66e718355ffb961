"""The one thread of a process that writes to a store: it takes whatever waits and commits it at once.

No timer decides how much a batch holds: what arrives during one commit is the next batch.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from caesar.errors import StoreError
from caesar.events import Envelope
from caesar.ports import Append
from caesar.stores.failures import translated
from caesar.stores.locks import WriteLock
from caesar.stores.transaction import Outcome, Transactions

__all__ = ["Writer"]

_LARGEST_BATCH = 512
"""Appends; then other processes have their chance."""


_Answer = asyncio.Future[tuple[Envelope, ...]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An append in the queue, and the future that someone awaits."""

    append: Append
    future: _Answer


class Writer:
    """Writes appends from any number of event loops, each answered once it is durable or refused.

    A failed batch fails each of its appends with StoreError and the writer goes on with the next.
    """

    def __init__(
        self,
        path: Path,
        transactions: Transactions,
        lock: WriteLock,
        *,
        file: os.stat_result | None = None,
    ) -> None:
        self._path = path
        self._file = file
        """The file as it was before the transactions' connection was opened; None to trust the path."""
        self._transactions = transactions
        self._lock = lock
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._ended = False
        self._in_hand: list[_Waiting] = []
        self._thread = threading.Thread(target=self._serve, name="caesar-store-writer", daemon=True)
        self._thread.start()

    def submit(self, append: Append) -> asyncio.Future[tuple[Envelope, ...]]:
        """Queue an append of the running event loop; StoreError once the writer is closed."""
        waiting = _Waiting(append, asyncio.get_running_loop().create_future())
        with self._gate:
            if self._closed:
                raise self._refusal()
            self._queue.put(waiting)
        return waiting.future

    def close(self) -> None:
        """Write what is queued, then end the thread; a second call does nothing."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        try:
            while not self._ended:
                self._take()
                _settle(self._in_hand, self._write([waiting.append for waiting in self._in_hand]))
                self._in_hand.clear()
        finally:
            self._refuse_the_rest()

    def _take(self) -> None:
        """Wait for work, then take all there is; nothing follows the queue's end."""
        while not self._in_hand or (len(self._in_hand) < _LARGEST_BATCH and not self._queue.empty()):
            waiting = self._queue.get()
            if waiting is None:
                self._ended = True
                return
            self._in_hand.append(waiting)

    def _write(self, appends: list[Append]) -> Sequence[Outcome]:
        if not appends:
            return ()
        try:
            with translated(self._path), self._lock.held():
                self._check_place()
                return self._transactions.write(appends)
        except StoreError as error:
            return [StoreError(str(error)) for _ in appends]

    def _check_place(self) -> None:
        """StoreError where the file is no longer the one at the path: what is written there would be lost."""
        if self._file is not None and not os.path.samestat(self._file, self._path.stat()):
            raise StoreError(
                f"another file was put in the place of the event store {self._path}: run the command again"
            )

    def _refuse_the_rest(self) -> None:
        """Nobody waits for ever on a thread that has ended, even by a defect."""
        with self._gate:
            self._closed = True
        while not self._queue.empty():
            waiting = self._queue.get()
            self._in_hand.extend(() if waiting is None else (waiting,))
        _settle(self._in_hand, [self._refusal() for _ in self._in_hand])

    def _refusal(self) -> StoreError:
        return StoreError(f"the event store {self._path} was closed before this append: open it again")


def _settle(batch: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    """Answer every append of the batch, waking each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Answer, Outcome]]] = {}
    for waiting, outcome in zip(batch, outcomes, strict=True):
        by_loop.setdefault(waiting.future.get_loop(), []).append((waiting.future, outcome))
    for loop, answers in by_loop.items():
        with suppress(RuntimeError):  # in a loop that was closed nobody waits
            loop.call_soon_threadsafe(_answer, answers)


def _answer(answers: Sequence[tuple[_Answer, Outcome]]) -> None:
    for future, outcome in answers:
        if future.done():  # whoever waited was cancelled
            continue
        if isinstance(outcome, StoreError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
