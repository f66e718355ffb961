"""The judge's side of the gate without a GPU: in which order things are queued, and when it returns."""

import pytest

from caesar.evaluators import gate
from caesar.evaluators.gate import Gate, Starter


class Queue:
    """Device, event, buffer and driver at once: notes what is queued, and what is waited for."""

    address = 4096

    def __init__(self):
        self.noted = []

    def hold(self):
        self.noted.append("hold")

    def flush(self):
        self.noted.append("flush")

    def synchronize(self):
        self.noted.append("wait")

    def record(self):
        self.noted.append("record")

    def cuStreamWriteValue32(self, stream, address, number, flags):  # noqa: N802 - the driver's name
        self.noted.append((address, number))
        return (0,)


@pytest.fixture
def queue(monkeypatch):
    queue = Queue()
    monkeypatch.setattr(gate, "driver", lambda: queue)
    monkeypatch.setattr(gate, "_stream", lambda: 0)
    monkeypatch.setattr(gate.torch.cuda, "Event", lambda: queue)
    return queue


def test_a_gate_is_shut_for_the_next_candidate(queue):
    Starter(queue, Gate(queue))

    assert [(4096, 0), "wait"] == queue.noted


def test_inputs_the_overwrite_and_the_number_are_queued_without_waiting_in_between(queue):
    starter = Starter(queue, Gate(queue))
    queue.noted.clear()

    starter.ready(lambda: queue.noted.append("show"))
    starter.open(7)

    assert ["hold", "show", "flush", "record", (4096, 7), "wait"] == queue.noted


def test_what_the_driver_refuses_is_told(queue):
    class Status(int):
        name = "CUDA_ERROR_NOT_SUPPORTED"

    queue.cuStreamWriteValue32 = lambda *_: (Status(801),)

    with pytest.raises(RuntimeError, match="NOT_SUPPORTED"):
        Gate(queue).open(1)
