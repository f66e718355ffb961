import itertools
import math
import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest

from caesar.evaluators.opponent import Called, CandidateRaised, Opponent
from caesar.evaluators.wire import (
    Ask,
    Command,
    Done,
    Form,
    Launched,
    Leaf,
    Loaded,
    Lost,
    Raised,
    Ready,
    Shown,
    Traced,
    Violation,
    encode,
)

ODD_TIMES = [math.nan, math.inf, -math.inf, -1.0, 1e9]


def ticking():
    """A clock that advances by 4 ms whenever it is looked at."""
    return (tick * 0.004 for tick in itertools.count()).__next__


@contextmanager
def against(*answers, now=None, starter=None, spin_s=0.0):
    """An opponent whose peer answers its questions by these functions, one after another, then hangs up."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    asked = []

    def serve():
        with theirs:
            for answer in answers:
                question = theirs.recv(64)
                if not question:
                    return
                asked.append(Command.decode(question))
                for frame in answer(asked[-1]):
                    theirs.send(frame)
            with suppress(ConnectionResetError):  # where not all that was said has been read
                theirs.recv(64)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield Opponent(ours, starter=starter, spin_s=spin_s, now=now or ticking()), asked
    finally:
        ours.close()
        thread.join()


def done(elapsed_ms=1.0, launch_ms=0.5):
    return lambda command: [encode(Done(command.number, elapsed_ms, launch_ms))]


def launched(command):
    return encode(Launched(command.number))


def test_a_call_has_the_candidates_claim_and_the_judges_time():
    with against(done(3.0, 2.0)) as (opponent, asked):
        called = opponent.call()

    assert Called(3.0, 2.0, pytest.approx(4.0)) == called
    assert [Command(Ask.CALL, 1)] == asked


@pytest.mark.parametrize("claim", ODD_TIMES)
def test_a_claim_that_can_not_be_the_truth_is_replaced_by_the_judges_time(claim):
    with against(done(claim, 1.0), done(1.0, claim)) as (opponent, _):
        calls = [opponent.call(), opponent.call()]

    assert [pytest.approx(4.0)] * 6 == [
        time for called in calls for time in (called.claimed_ms, called.launch_ms, called.wall_ms)
    ]


def test_a_claim_of_no_time_at_all_is_replaced_by_the_judges_time():
    with against(done(0.0, 0.0)) as (opponent, _):
        assert pytest.approx(4.0) == opponent.call().claimed_ms


class Gatekeeper:
    """Notes in which order a call is made ready and let begin; by its clock, readying takes 0.1 s.

    It is ready once `until` is set.
    """

    def __init__(self, *, until=None):
        self.events = []
        self.time_s = 0.0
        self.until = until
        self.being_readied = threading.Event()
        self.opened = threading.Event()

    def ready(self, show):
        self.being_readied.set()
        show()
        if self.until is not None:
            self.until.wait(10)
        self.time_s += 0.1
        self.events.append("ready")

    def open(self, number):
        self.events.append(f"open {number}")
        self.opened.set()

    def now(self):
        self.time_s += 0.001
        return self.time_s


def test_a_call_begins_once_it_is_launched_and_its_inputs_are_there_and_is_timed_from_then(monkeypatch):
    monkeypatch.setattr("caesar.evaluators.opponent.MOST_LAUNCHING_MS", 600_000.0)
    keeper = Gatekeeper()
    before = []

    def once_open(command):
        time.sleep(0.02)
        before.extend(keeper.events)
        yield launched(command)
        keeper.opened.wait(10)
        yield from done(1.0, 50.0)(command)

    with against(once_open, now=keeper.now, starter=keeper) as (opponent, _):
        called = opponent.call(lambda: keeper.events.append("show"))

    assert [] == before
    assert ["show", "ready", "open 1"] == keeper.events
    assert (
        Called(1.0, 50.0, pytest.approx(1.0), pytest.approx(101.0)) == called
    )  # launching is over before the call begins


def test_a_call_that_is_said_to_be_done_before_it_can_begin_is_a_violation():
    said = threading.Event()

    def at_once(command):
        yield launched(command)
        yield from done()(command)
        said.set()

    keeper = Gatekeeper(until=said)
    with (
        against(at_once, now=keeper.now, starter=keeper) as (opponent, _),
        pytest.raises(Violation, match="before it could begin"),
    ):
        opponent.call()

    assert ["ready", "open 1"] == keeper.events


@pytest.mark.parametrize("spin_s", [0.0, 0.1])
def test_a_call_that_waits_for_its_own_work_begins_before_it_is_all_launched(spin_s):
    keeper = Gatekeeper()

    def once_open(command):
        keeper.opened.wait(10)
        yield launched(command)
        yield from done()(command)

    with against(once_open, now=keeper.now, starter=keeper, spin_s=spin_s) as (opponent, _):
        called = opponent.call()

    assert (1.0, ["ready", "open 1"]) == (called.claimed_ms, keeper.events)


def test_what_is_said_late_and_all_at_once_is_said_before_it_could_begin():
    said = threading.Event()
    keeper = Gatekeeper(until=said)

    def while_it_is_made_ready(command):
        keeper.being_readied.wait(10)
        yield launched(command)
        yield from done()(command)
        said.set()

    with (
        against(while_it_is_made_ready, now=keeper.now, starter=keeper) as (opponent, _),
        pytest.raises(Violation, match="before it could begin"),
    ):
        opponent.call()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (done(), "Done where Launched was due"),
        (lambda c: [launched(c), launched(c)], "Launched where Done was due"),
        (lambda c: [launched(Command(Ask.CALL, c.number + 1))], "another question"),
    ],
)
def test_a_call_behind_a_gate_is_launched_once_and_then_done(answer, words):
    keeper = Gatekeeper()

    with (
        against(answer, now=keeper.now, starter=keeper) as (opponent, _),
        pytest.raises(Violation, match=words),
    ):
        opponent.call()

    assert "open 1" in keeper.events  # its process is not left waiting


def test_a_gate_is_opened_for_who_says_what_can_not_be_read_while_launching(monkeypatch):
    monkeypatch.setattr("caesar.evaluators.opponent.MOST_LAUNCHING_MS", 600_000.0)
    keeper = Gatekeeper()

    with (
        against(lambda _: [b"\0" * 50_000], now=keeper.now, starter=keeper) as (opponent, _),
        pytest.raises(Violation),
    ):
        opponent.call()

    assert ["open 1"] == keeper.events


def test_a_gate_is_opened_for_who_goes_while_launching():
    keeper = Gatekeeper()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    thread = threading.Thread(target=lambda: (theirs.recv(64), theirs.close()))
    with ours:
        thread.start()
        with pytest.raises(Lost):
            Opponent(ours, starter=keeper, now=keeper.now).call()
        thread.join()

    assert "open 1" in keeper.events


def test_launching_is_not_told_where_there_is_no_gate():
    with (
        against(lambda c: [launched(c), *done()(c)]) as (opponent, _),
        pytest.raises(Violation, match="Launched where Done was due"),
    ):
        opponent.call()


def test_a_claim_is_not_replaced_where_the_judge_looks_at_its_clock_late():
    keeper = Gatekeeper()
    answered = threading.Event()

    def once_open(command):
        yield launched(command)
        keeper.opened.wait(10)
        yield from done(5.0, 1.0)(command)
        answered.set()

    opened = keeper.open
    keeper.open = lambda number: (opened(number), answered.wait(10))
    with against(once_open, now=keeper.now, starter=keeper) as (opponent, _):
        called = opponent.call()

    assert (5.0, pytest.approx(1.0)) == (called.claimed_ms, called.wall_ms)


def test_an_exception_may_come_before_the_inputs_are_there():
    told = threading.Event()

    def at_once(command):
        yield encode(Raised(command.number, "TypeError", "", out_of_memory=False, hardware=False))
        told.set()

    keeper = Gatekeeper(until=told)
    with (
        against(at_once, now=keeper.now, starter=keeper) as (opponent, _),
        pytest.raises(CandidateRaised, match="TypeError"),
    ):
        opponent.call()

    assert ["ready", "open 1"] == keeper.events


def test_every_question_has_a_number_of_its_own():
    with against(done(), done(), done()) as (opponent, asked):
        for _ in range(3):
            opponent.idle()

    assert [1, 2, 3] == [command.number for command in asked]


def test_a_call_is_prepared_by_telling_its_slot_and_seed():
    with against(lambda command: [encode(Ready(command.number))]) as (opponent, asked):
        opponent.prepare(slot=5, seed=99)

    assert [Command(Ask.PREPARE, 1, 5, 99)] == asked


def test_loading_showing_and_tracing_bring_their_answers():
    leaves = (Leaf(Form.TENSOR, "float32", (2,)),)
    with against(
        lambda command: [encode(Loaded(command.number, copied=True))],
        lambda command: [encode(Shown(command.number, 3, leaves, 1))],
        lambda command: [encode(Traced(command.number, b"{}"))],
    ) as (opponent, asked):
        assert Loaded(1, copied=True) == opponent.load()
        assert (Shown(2, 3, leaves, 1), pytest.approx(4.0)) == opponent.show()
        assert b"{}" == opponent.trace(slot=1, seed=2)

    assert [Ask.LOAD, Ask.SHOW, Ask.TRACE] == [command.ask for command in asked]


def test_an_exception_of_the_candidates_is_told_with_its_words():
    raised = Raised(1, "KeyError", "Traceback", out_of_memory=False, hardware=False)
    with against(lambda _: [encode(raised)]) as (opponent, _), pytest.raises(CandidateRaised) as error:
        opponent.load()

    assert raised == error.value.raised


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda c: [encode(Done(c.number + 1, 1.0, 1.0))], "another question"),
        (lambda c: [encode(Done(c.number - 1, 1.0, 1.0))], "another question"),
        (lambda c: [encode(Loaded(c.number, copied=True))], "Loaded where Done was due"),
        (lambda c: [encode(Shown(c.number, 0, (), 0))], "Shown where Done was due"),
        (lambda c: [encode(Traced(c.number, b""))], "Traced where Done was due"),
        (lambda c: [encode(Done(c.number, 1.0, 1.0)) + b"!"], "can't be read"),
        (lambda _: [b"{}"], "can't be read"),
        (lambda _: [b"\0" * 50_000], "longer"),
    ],
)
def test_an_answer_that_is_not_due_is_a_violation(answer, words):
    with against(answer) as (opponent, _), pytest.raises(Violation, match=words):
        opponent.call()


def test_a_frame_that_nobody_asked_for_is_a_violation():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        theirs.send(encode(Done(1, 1.0, 1.0)))

        with pytest.raises(Violation, match="nobody asked for"):
            Opponent(ours).idle()


def test_answering_twice_is_a_violation_at_the_next_question():
    arrived = threading.Event()

    def twice(command):
        yield encode(Done(command.number, 1.0, 1.0))
        yield encode(Done(command.number + 1, 0.0, 0.0))
        arrived.set()

    with against(twice, done()) as (opponent, _):
        opponent.idle()
        arrived.wait()
        with pytest.raises(Violation, match="nobody asked for"):
            opponent.idle()


def test_a_flood_is_a_violation_of_which_one_frame_is_read():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        theirs.setblocking(False)
        sent = 0
        with suppress(BlockingIOError):
            while True:
                sent += theirs.send(encode(Done(1, 1.0, 1.0))) > 0

        with pytest.raises(Violation):
            Opponent(ours).idle()

        ours.setblocking(False)
        assert sent - 1 == sum(1 for _ in iter(lambda: _left(ours), None))


def _left(link):
    try:
        return link.recv(64)
    except BlockingIOError:
        return None


def test_descriptors_that_come_with_an_answer_are_a_violation():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def serve():
        command = Command.decode(theirs.recv(64))
        socket.send_fds(theirs, [encode(Done(command.number, 1.0, 1.0))], [theirs.fileno()])

    thread = threading.Thread(target=serve)
    with ours, theirs:
        thread.start()
        with pytest.raises(Violation, match="descriptors"):
            Opponent(ours).idle()
        thread.join()


def test_a_peer_that_is_gone_is_lost_before_it_is_asked_and_after():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        theirs.close()
        with pytest.raises(Lost):
            Opponent(ours).idle()
        with pytest.raises(Lost):
            Opponent(ours).show()


def test_a_peer_that_goes_while_it_is_asked_is_lost():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    thread = threading.Thread(target=lambda: (theirs.recv(64), theirs.close()))
    with ours:
        thread.start()
        with pytest.raises(Lost):
            Opponent(ours).call()
        thread.join()
