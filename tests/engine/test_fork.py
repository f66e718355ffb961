"""Forks share turns by reference, pay for nothing twice, and end as if nobody had killed them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from worlds import ALL, STORY, CrashError, Setup, completion, forked, with_turns

from caesar.domain import Context, Feedback, History
from caesar.engine.fork import fork_at, lineage, origins, read_trajectory
from caesar.engine.plan import extension, fold_run
from caesar.engine.replay import replay
from caesar.engine.resume import pinned
from caesar.engine.today import today
from caesar.errors import StoreError, UsageError
from caesar.fsm.trajectory import Status, fold
from caesar.prompts.render import shipped


@pytest.fixture
def ran():
    setup = Setup(completions=(*STORY, completion("passed 0.25", name="fourth")))
    setup.run()
    return setup


def test_a_fork_begins_with_its_parents_turns_and_holds_no_copy_of_them(ran):
    tally = forked(ran, turn=2)

    fork = read_trajectory(ran.log.read, "FORK/1/0")
    assert 2 == tally.finished
    assert ran.trajectory().turns[:2] == fork.turns[:2]
    assert (3, 2, Status.FINISHED) == (len(fork.turns), fork.shared, fork.status)
    assert [3] == [e.event.turn for e in ran.log.read("FORK/1/0") if e.kind == "turn_begun"]


def test_a_fork_is_chained_to_the_event_that_ended_the_last_shared_turn(ran):
    forked(ran, turn=2)

    first = ran.log.read("FORK/1/0")[0]
    parent = ran.log.read("RUN/1/0")[first.event.version - 1]
    assert ("turn_ended", 2) == (parent.kind, parent.event.turn)
    assert parent.digest == first.previous == first.event.digest


def test_what_shared_turns_cost_is_not_booked_again(ran):
    before = len(ran.builder.sources)

    forked(ran, turn=2)

    fork = read_trajectory(ran.log.read, "FORK/1/0")
    (held_s,) = (e.event.held_s for e in ran.log.read("FORK/1/0") if e.kind == "lease_released")
    assert 2 == len(ran.builder.sources) - before  # turn 3 of either problem
    assert held_s == fork.device_s
    assert fork.usage.tokens == 0


def test_feedback_on_shared_turns_is_shown_as_the_forks_own_spec_says(ran):
    bare = replace(ran.spec, context=Context(History.ALL, (Feedback.CANDIDATE,)))

    forked(ran, spec=bare)

    asked = next(e.event for e in ran.log.read("FORK/1/0") if e.kind == "generation_requested")
    parts = [digest for message in asked.prompt for digest in message.parts]
    first = ran.trajectory().turns[0]
    assert first.candidate in parts
    assert first.feedback not in parts
    assert "What came of it" not in "".join(ran.log.texts(parts).values())


def test_forks_of_one_turn_have_one_seed_in_every_run_and_not_their_parents(ran):
    forked(ran, run="A")
    forked(ran, run="B", spec=with_turns(ran.spec, 2))

    one, other, parent = (ran.log.read(f"{run}/1/0")[0].event.seed for run in ("A", "B", "RUN"))
    assert one == other != parent


def test_several_samples_go_on_from_one_turn(ran):
    tally = forked(ran, samples=3)

    assert 6 == tally.finished
    assert {(0, 1), (1, 1), (2, 1)} == {
        (e.event.sample, e.event.turn) for at in range(3) for e in ran.log.read(f"FORK/1/{at}")[:1]
    }


def test_a_fork_of_a_fork_goes_on_from_whoever_holds_the_turn(ran):
    forked(ran, turn=1)

    shared = fork_at(ran.log.read, "FORK/1/0", turn=1)
    own = fork_at(ran.log.read, "FORK/1/0", turn=2)
    forked(ran, turn=2, run="AGAIN", parent="FORK")

    assert ("RUN/1/0", "FORK/1/0") == (shared.stream, own.stream)
    again = read_trajectory(ran.log.read, "AGAIN/1/0")
    assert read_trajectory(ran.log.read, "FORK/1/0").turns[:2] == again.turns[:2]
    streams = [e.stream for e in lineage(ran.log.read, "AGAIN/1/0") if e.kind == "turn_ended"]
    assert ["RUN/1/0", "FORK/1/0", "AGAIN/1/0"] == streams


def test_a_turn_that_has_not_ended_cannot_be_forked(ran):
    with pytest.raises(UsageError, match="has not ended turn 4"):
        fork_at(ran.log.read, "RUN/1/0", turn=4)

    assert () == origins(ran.log.read, fold_run(ran.log.read("RUN")), ALL, turn=4, samples=1)


def test_a_fork_is_not_folded_without_its_parent(ran):
    forked(ran)

    with pytest.raises(StoreError, match="read it together with its parent"):
        fold("FORK/1/0", ran.log.read("FORK/1/0"))


def test_a_fork_whose_parent_is_another_one_now_is_refused(ran):
    forked(ran)
    another = Setup(completions=(completion("passed"), *STORY))
    another.run()

    def read(stream, *, upto=None):
        return (another if stream.startswith("RUN") else ran).log.read(stream, upto=upto)

    with pytest.raises(StoreError, match="copy the parent's run into it"):
        read_trajectory(read, "FORK/1/0")


def test_a_fork_needs_no_more_of_its_ancestors_than_it_shares(ran):
    forked(ran, turn=1)
    forked(ran, turn=2, run="AGAIN", parent="FORK")
    ends = {
        "RUN/1/0": fork_at(ran.log.read, "RUN/1/0", turn=1).version,
        "FORK/1/0": fork_at(ran.log.read, "FORK/1/0", turn=2).version,
    }

    def read(stream, *, upto=None):
        if stream in ends and (upto is None or upto > ends[stream]):
            raise StoreError("damaged after what is shared")
        return ran.log.read(stream, upto=upto)

    again = read_trajectory(read, "AGAIN/1/0")
    streams = [e.stream for e in lineage(read, "AGAIN/1/0") if e.kind == "turn_ended"]
    shared = fork_at(read, "AGAIN/1/0", turn=1)
    assert (3, Status.FINISHED, "RUN/1/0") == (len(again.turns), again.status, shared.stream)
    assert ["RUN/1/0", "FORK/1/0", "AGAIN/1/0"] == streams


def test_a_forked_run_does_not_grow(ran):
    forked(ran)
    run = fold_run(ran.log.read("FORK"))
    more = replace(ran.configuration(), spec=with_turns(ran.spec, 9))

    with pytest.raises(UsageError, match="is a fork, which does not grow"):
        extension(run, more, pinned_spec=ran.log.texts([run.spec])[run.spec])


def test_a_fork_is_derived_again_whole(ran):
    forked(ran, turn=2)
    run = fold_run(ran.log.read("FORK"))
    now = today(run, pinned(run, ran.log.texts), spec=None, templates=shipped())

    results = [replay(now, f"FORK/{at}/0", read=ran.log.read, texts=ran.log.texts) for at in "12"]

    assert [(1, None)] * 2 == [(result.turns, result.divergence) for result in results]


def test_a_fork_that_dies_after_any_append_ends_as_if_it_had_not(ran):
    whole = Setup(completions=ran.completions)
    whole.run()
    forked(whole, turn=2)
    expected = read_trajectory(whole.log.read, "FORK/1/0").turns
    appends = sum(len(whole.log.read(stream)) for stream in ("FORK", "FORK/1/0", "FORK/2/0"))

    for survived in range(1, appends, 3):
        setup = Setup(completions=ran.completions)
        setup.run()
        with pytest.raises((CrashError, BaseExceptionGroup)):
            forked(setup, turn=2, appends=survived)

        assert 2 == forked(setup, turn=2).finished
        turns = read_trajectory(setup.log.read, "FORK/1/0").turns
        assert [(t.candidate, t.outcome, t.feedback) for t in expected] == [
            (t.candidate, t.outcome, t.feedback) for t in turns
        ]
