"""The judge's process in this one: what it says of a problem before it judges anybody."""

import math
import socket
import struct
import sys
import threading

import pytest
import torch
from evaluation_cases import QUICK, REFERENCE

from caesar.evaluators.judge import main
from caesar.evaluators.protocol import (
    Assignment,
    Baselines,
    Cause,
    Contest,
    Described,
    Gone,
    Measure,
    Reached,
    Report,
    Stage,
    Unusable,
    decode_message,
    encode,
)


@pytest.fixture
def said(tmp_path, monkeypatch):
    """Everything a judge says about a problem, given these orders before it is let go."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()

    def say(reference=REFERENCE, *orders, settings=QUICK, cuda=False, limit_s=60.0):
        ours, theirs = socket.socketpair()
        work = Assignment(reference, settings, cuda=cuda, limit_s=limit_s, threads=threads)
        judge = threading.Thread(target=main, args=(encode(work), lambda _: None, theirs.detach()))
        with ours:
            judge.start()
            messages = [_message(ours)]
            for order, link in orders:
                socket.send_fds(ours, [encode(order)], [link.detach()] if link else [])
                while isinstance(messages[-1], Reached | Described | Baselines | Report):
                    messages.append(_message(ours))
                    if isinstance(messages[-1], Report | Baselines):
                        break
            ours.shutdown(socket.SHUT_WR)
            judge.join()
            assert b"" == ours.recv(1)
        return messages

    yield say
    torch.set_num_threads(threads)


def _message(link):
    (length,) = struct.unpack("!I", link.recv(4, socket.MSG_WAITALL))
    return decode_message(link.recv(length, socket.MSG_WAITALL))


def test_a_judge_says_what_it_runs_on(said):
    (described,) = said()

    assert isinstance(described, Described)
    assert (torch.__version__, torch.version.cuda) == (described.torch, described.cuda)
    assert described.seconds > 0


@pytest.mark.parametrize(
    ("reference", "unusable"),
    [
        ("import nowhere_to_be_found", Unusable(Cause.PACKAGE, "nowhere_to_be_found")),
        (
            REFERENCE.replace("return [8]", "return []"),
            Unusable(
                Cause.RAISED, "TypeError: Model.__init__() missing 1 required positional argument: 'size'"
            ),
        ),
        (
            REFERENCE.replace("torch.relu(self.linear(x))", "object"),
            Unusable(Cause.RAISED, "TypeError: output is a type, which can't be compared"),
        ),
        (
            REFERENCE.replace("[torch.rand(4, 8) - 0.5]", "[{1, 2}]").replace(
                "torch.relu(self.linear(x))", "None"
            ),
            Unusable(Cause.RAISED, "TypeError: a set can't be handed to a candidate"),
        ),
        ("x = (", Unusable(Cause.RAISED, "SyntaxError: '(' was never closed (reference.py, line 1)")),
        (
            "x = 1",
            Unusable(Cause.RAISED, "AttributeError: module 'reference' has no attribute 'get_init_inputs'"),
        ),
    ],
)
def test_a_reference_that_does_not_work_is_unusable(said, reference, unusable):
    assert [unusable] == said(reference)


def test_a_reference_that_does_not_fit_into_memory_is_unusable(said):
    (unusable,) = said(REFERENCE.replace("torch.rand(4, 8)", "torch.empty(1 << 50)"))

    assert Cause.MEMORY is unusable.cause


@pytest.mark.parametrize("free", [1000, 30_000])
def test_what_judging_would_take_more_memory_for_than_there_is_is_refused(said, monkeypatch, free):
    """Of inputs and outputs of 12.8 kB each: when the inputs are known, and when the outputs are."""
    monkeypatch.setattr("caesar.evaluators.room.available_bytes", lambda: free)

    (unusable,) = said(REFERENCE.replace("torch.rand(4, 8)", "torch.rand(400, 8)"))

    assert Cause.MEMORY is unusable.cause
    assert "GB for inputs and outputs" in unusable.what


def test_a_reference_is_too_slow_by_what_a_call_takes_not_by_what_opening_takes(said):
    slow = REFERENCE.replace("def __init__(self, size):", "def __init__(self, size):\n        sleep(1)")

    (described,) = said(f"from time import sleep\n{slow}", limit_s=10.0)

    assert isinstance(described, Described)


def test_a_reference_too_slow_to_judge_by_is_unusable(said):
    (unusable,) = said(limit_s=1e-9)

    assert Cause.SLOW is unusable.cause
    assert "making inputs takes" in unusable.what


def test_a_model_hub_that_can_not_be_reached_is_told_apart(said, tmp_path, monkeypatch):
    (tmp_path / "transformers.py").write_text("def from_pretrained():\n    raise OSError('offline')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(
        sys.modules, "transformers", None
    )  # so that what is there afterwards is what was before
    monkeypatch.delitem(sys.modules, "transformers")

    assert [Unusable(Cause.HUB, "OSError: offline")] == said(
        "import transformers\ntransformers.from_pretrained()"
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("reference", [REFERENCE, "1 / 0"])
def test_a_device_that_is_not_there_is_no_fault_of_the_reference(said, reference):
    (unusable,) = said(reference, cuda=True)

    assert Cause.DEVICE is unusable.cause


def test_an_error_tells_no_folder_of_this_machine(said, tmp_path):
    (unusable,) = said(f"open({str(tmp_path / 'missing')!r})")

    assert str(tmp_path) not in unusable.what


def test_a_candidate_that_went_before_it_was_asked_is_gone(said):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    theirs.close()

    _, setup, report = said(REFERENCE, (Contest(writable=False), ours))

    assert (Stage.SETUP, Gone()) == (setup.stage, report.ending)


def test_a_judge_judges_one_candidate_after_another(said):
    links = []
    for _ in range(2):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.close()
        links.append(ours)

    messages = said(REFERENCE, (Contest(writable=False), links[0]), (Contest(writable=True), links[1]))

    assert [Gone(), Gone()] == [message.ending for message in messages if isinstance(message, Report)]


def test_a_judge_times_its_reference_alone(said):
    _, baselines = said(REFERENCE, (Measure(("eager", "eager+tf32")), None))

    assert {"eager", "eager+tf32"} == set(baselines.samples_ms)
    assert all(1 <= len(samples) <= 3 for samples in baselines.samples_ms.values())
    assert all(math.isfinite(ms) and ms > 0 for samples in baselines.samples_ms.values() for ms in samples)
    assert {} == baselines.failed


def test_a_way_of_timing_that_fails_is_told_and_ends_nothing(said, monkeypatch):
    def refuses(*_, **__):
        raise RuntimeError("can't be compiled")

    monkeypatch.setattr(torch, "compile", refuses)

    _, baselines, again = said(REFERENCE, (Measure(("compile:default",)), None), (Measure(("eager",)), None))

    assert {"compile:default": "RuntimeError: can't be compiled"} == baselines.failed
    assert {"eager"} == set(again.samples_ms)
