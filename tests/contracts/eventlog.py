"""What every `ports.EventLog` does. A subclass named Test* makes the log."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caesar.domain import digest_of
from caesar.errors import ConflictError, StoreError
from caesar.events import GENESIS, TrajectoryForked, TurnBegun, TurnEnded, chain
from caesar.ports import Append, EventLog

NOW_US = 1_763_000_000_000_000
"""What the logs' clock shows."""

STORABLE = st.text(st.characters(exclude_categories=["Cs"]))

NAMES = st.text("ab%_[]*?/\0\x7fé\uffff\U0001f600\U0010ffff", min_size=1, max_size=4)
"""Names of streams that trip wildcards, escapes and upper bounds."""

EXAMPLES = settings(
    max_examples=30,
    deadline=None,
    database=None,  # one test for several stores, so that an example of one means nothing to the others
    suppress_health_check=[HealthCheck.differing_executors],
)


def turns(first, count=1):
    return tuple(TurnBegun(turn) for turn in range(first, first + count))


async def append_one_by_one(log, stream, count):
    for version in range(count):
        await log.append(Append(stream, version, turns(version + 1)))


async def append_all(log, appends):
    """Append at the same time; what became of each."""
    return await asyncio.gather(*(log.append(append) for append in appends), return_exceptions=True)


class EventLogContract(ABC):
    """The contract suite of the port."""

    @abstractmethod
    def open_log(self, folder: Path) -> AbstractContextManager[EventLog]:
        """A log whose clock shows NOW_US; empty the first time."""

    @pytest.fixture
    def log(self, tmp_path):
        with self.open_log(tmp_path) as log:
            yield log

    def test_events_come_back_in_order_as_they_were_appended(self, log):
        first, second = TurnBegun(1), TurnEnded(1, "passed", digest_of("fine"))

        asyncio.run(log.append(Append("run/1/0", 0, (first, second), ("fine",))))

        assert (first, second) == tuple(envelope.event for envelope in log.read("run/1/0"))

    def test_append_returns_what_is_read_later(self, log):
        returned = asyncio.run(log.append(Append("run/1/0", 0, turns(1, 3))))

        assert returned == log.read("run/1/0")

    def test_a_streams_first_events_are_read_by_themselves(self, log):
        returned = asyncio.run(log.append(Append("run/1/0", 0, turns(1, 3))))

        assert [returned[:upto] for upto in (0, 2, 3, 9)] == [
            log.read("run/1/0", upto=upto) for upto in (0, 2, 3, 9)
        ]

    def test_versions_count_from_one_without_gaps_in_each_stream(self, log):
        async def interleaved():
            for version in range(3):
                await log.append(Append("run", version, turns(1)))
                await log.append(Append("run/1/0", version * 2, turns(1, 2)))

        asyncio.run(interleaved())

        assert [envelope.version for envelope in log.read("run")] == [1, 2, 3]
        assert [envelope.version for envelope in log.read("run/1/0")] == [1, 2, 3, 4, 5, 6]

    def test_a_fork_is_chained_to_the_event_it_goes_on_from(self, log):
        (parent,) = asyncio.run(log.append(Append("run/1/0", 0, turns(1))))
        fork = TrajectoryForked("run/1/0", 1, parent.digest, 1, "1", digest_of("source"), 0, 7)

        asyncio.run(log.append(Append("fork/1/0", 0, (fork, *turns(2)))))

        first, second = log.read("fork/1/0")
        assert (parent.digest, first.digest) == (first.previous, second.previous)

    def test_seq_grows_with_every_event_of_the_log(self, log):
        async def two():
            return [*await log.append(Append("a", 0, turns(1, 2))), *await log.append(Append("b", 0, turns(1)))]

        envelopes = asyncio.run(two())

        assert [envelope.seq for envelope in envelopes] == [1, 2, 3]

    def test_envelopes_chain_from_genesis_over_every_append(self, log):
        asyncio.run(append_one_by_one(log, "run/1/0", 3))

        previous = GENESIS
        for envelope in log.read("run/1/0"):
            assert previous == envelope.previous
            assert envelope.digest == chain(
                previous, stream="run/1/0", version=envelope.version, kind="turn_begun", v=1,
                recorded_at_us=NOW_US, body=envelope.body,
            )  # fmt: skip
            previous = envelope.digest

    def test_the_clock_says_when_an_event_was_recorded(self, log):
        (envelope,) = asyncio.run(log.append(Append("run", 0, turns(1))))

        assert envelope.recorded_at_us == NOW_US

    @pytest.mark.parametrize("after", [0, 1, 3])
    def test_an_append_after_another_version_is_a_conflict_that_stores_nothing(self, log, after):
        asyncio.run(log.append(Append("run", 0, turns(1, 2))))
        before = log.read("run")

        with pytest.raises(ConflictError, match=f"stream run is at version 2, not {after}") as caught:
            asyncio.run(log.append(Append("run", after, turns(3), ("lost",))))

        assert ("run", after, 2) == (caught.value.stream, caught.value.expected, caught.value.actual)
        assert before == log.read("run")
        with pytest.raises(StoreError, match=digest_of("lost")):
            log.texts([digest_of("lost")])

    def test_the_log_goes_on_after_a_conflict(self, log):
        async def conflict_then_right():
            with pytest.raises(ConflictError):
                await log.append(Append("run", 7, turns(1)))
            return await log.append(Append("run", 0, turns(1)))

        assert [envelope.seq for envelope in asyncio.run(conflict_then_right())] == [1]

    def test_an_append_that_cannot_be_encoded_stores_neither_events_nor_texts(self, log):
        broken = TurnEnded(2, "\ud800", digest_of("lost"))

        with pytest.raises(StoreError, match=r"event 2 of stream 'run' \(turn_ended\)"):
            asyncio.run(log.append(Append("run", 0, (TurnBegun(1), broken), ("lost",))))

        assert log.read("run") == ()
        assert log.streams() == ()
        with pytest.raises(StoreError, match=digest_of("lost")):
            log.texts([digest_of("lost")])

    @pytest.mark.parametrize("append", [
        Append("run", 0, turns(1), ("fine", "broken \ud800")),
        Append("run \ud800", 0, turns(1), ("fine",)),
    ])  # fmt: skip
    def test_lone_surrogates_store_nothing(self, log, append):
        with pytest.raises(StoreError, match=r"(a lone surrogate|surrogates not allowed)"):
            asyncio.run(log.append(append))

        assert log.streams() == ()
        with pytest.raises(StoreError, match=digest_of("fine")):
            log.texts([digest_of("fine")])

    def test_the_log_goes_on_after_a_stream_with_a_lone_surrogate(self, log):
        with pytest.raises(StoreError):
            asyncio.run(log.append(Append("run \ud800", 0, turns(1))))

        assert asyncio.run(log.append(Append("run", 0, turns(1)))) == log.read("run")

    def test_a_bad_append_spoils_none_that_came_at_the_same_time(self, log):
        appends = (
            Append("a", 0, turns(1), ("one",)),
            Append("b", 9, turns(1)),
            Append("c", 0, (TurnEnded(1, "\ud800", GENESIS),)),
            Append("a", 1, turns(2), ("two",)),
        )

        first, conflict, broken, second = asyncio.run(append_all(log, appends))

        assert first + second == log.read("a")
        assert isinstance(conflict, ConflictError)
        assert isinstance(broken, StoreError)
        assert log.streams() == ("a",)
        assert {"one", "two"} == set(log.texts([digest_of("one"), digest_of("two")]).values())

    def test_an_append_of_texts_alone_leaves_no_stream(self, log):
        assert asyncio.run(log.append(Append("run", 0, (), ("alone",)))) == ()

        assert log.streams() == ()
        assert {digest_of("alone"): "alone"} == log.texts([digest_of("alone")])

    def test_a_stream_that_does_not_exist_is_empty(self, log):
        assert log.read("nobody") == ()
        assert log.streams() == ()
        assert log.texts([]) == {}

    def test_streams_come_in_order_of_first_appearance(self, log):
        async def three():
            for stream, after in (("b", 0), ("a", 0), ("b", 1), ("c", 0)):
                await log.append(Append(stream, after, turns(1)))

        asyncio.run(three())

        assert log.streams() == ("b", "a", "c")

    @pytest.mark.parametrize(
        "prefix", ["a%", "a_", "a[", "a*", "a/", "a?", "a\0", "a\U0010ffff", "a'", 'a"', "a\\"]
    )
    def test_a_prefix_means_its_characters_and_nothing_else(self, log, prefix):
        others = ("a", "b", "ab/1", "A/1", "a\x01", "aé")
        asyncio.run(append_all(log, [Append(name, 0, turns(1)) for name in (*others, prefix, f"{prefix}/1")]))

        assert (prefix, f"{prefix}/1") == log.streams(prefix)

    @EXAMPLES
    @given(names=st.lists(NAMES, unique=True, max_size=6), prefix=NAMES)
    def test_streams_finds_exactly_the_names_that_start_with_the_prefix(self, tmp_path_factory, names, prefix):
        with self.open_log(tmp_path_factory.mktemp("log")) as log:
            asyncio.run(append_all(log, [Append(name, 0, turns(1)) for name in names]))

            assert tuple(name for name in names if name.startswith(prefix)) == log.streams(prefix)

    def test_a_text_is_kept_once_however_often_it_is_appended(self, log):
        async def twice():
            await log.append(Append("a", 0, turns(1), ("same", "same")))
            await log.append(Append("b", 0, turns(1), ("same",)))

        asyncio.run(twice())

        assert {digest_of("same"): "same"} == log.texts([digest_of("same")] * 2)

    def test_only_the_texts_asked_for_are_returned_in_that_order(self, log):
        asyncio.run(log.append(Append("run", 0, turns(1), ("one", "two", "three"))))

        assert list(log.texts([digest_of("three"), digest_of("one")]).values()) == ["three", "one"]

    def test_a_missing_text_is_named(self, log):
        asyncio.run(log.append(Append("run", 0, turns(1), ("here",))))

        with pytest.raises(StoreError, match=f"{digest_of('absent')} is missing"):
            log.texts([digest_of("here"), digest_of("absent")])

    @EXAMPLES
    @given(text=STORABLE, outcome=STORABLE)
    def test_any_unicode_comes_back_as_it_was(self, tmp_path_factory, text, outcome):
        event = TurnEnded(1, outcome, digest_of(text))
        with self.open_log(tmp_path_factory.mktemp("log")) as log:
            asyncio.run(log.append(Append(f"run/{outcome}/0", 0, (event,), (text,))))

            assert [event] == [envelope.event for envelope in log.read(f"run/{outcome}/0")]
            assert {digest_of(text): text} == log.texts([digest_of(text)])

    @pytest.mark.parametrize("text", ["", "\0", "a\0b", "\U0001f600", "\ufeff", "\r\n", "x" * 1_000_000])
    def test_odd_texts_come_back_as_they_were(self, log, text):
        asyncio.run(log.append(Append("run", 0, turns(1), (text,))))

        assert {digest_of(text): text} == log.texts([digest_of(text)])

    def test_many_tasks_append_to_many_streams_at_once(self, log):
        async def everyone():
            await asyncio.gather(*(append_one_by_one(log, f"run/{problem}/0", 5) for problem in range(40)))

        asyncio.run(everyone())

        assert {f"run/{problem}/0" for problem in range(40)} == set(log.streams("run/"))
        for stream in log.streams():
            assert list(turns(1, 5)) == [envelope.event for envelope in log.read(stream)]

    def test_exactly_one_of_many_appends_at_the_same_version_wins(self, log):
        appends = [Append("run", 0, turns(turn), (f"text {turn}",)) for turn in range(1, 21)]

        outcomes = asyncio.run(append_all(log, appends))

        (winner,) = [outcome for outcome in outcomes if isinstance(outcome, tuple)]
        assert winner == log.read("run")
        assert sum(isinstance(outcome, ConflictError) for outcome in outcomes) == 19
