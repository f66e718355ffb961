from contextlib import closing

import pytest
from contracts.eventlog import NOW_US, turns

from caesar.ports import Append
from caesar.stores import schema
from caesar.stores.eventlog import SqliteEventLog
from caesar.stores.transaction import Transactions


class CountingCompressor:
    def __init__(self):
        self.seen = []

    def frame(self, data):
        self.seen.append(data.decode())
        return data


@pytest.fixture
def connection(store):
    SqliteEventLog.open(store, clock_us=lambda: NOW_US).close()
    with closing(schema.connect(store)) as connection:
        yield connection


def versions(outcomes):
    return [[envelope.version for envelope in outcome] for outcome in outcomes]


def test_a_text_already_stored_is_not_compressed_again(connection):
    transactions = Transactions(connection, lambda: NOW_US)
    transactions._compressor = CountingCompressor()

    transactions.write([Append("a", 0, turns(1), ("one", "one")), Append("b", 0, turns(1), ("one", "two"))])
    transactions.write([Append("a", 1, turns(2), ("two", "three"))])

    assert transactions._compressor.seen == ["one", "two", "three"]


def test_what_is_remembered_is_bounded_and_forgetting_is_harmless(connection, monkeypatch):
    monkeypatch.setattr("caesar.stores.transaction._REMEMBERED", 2)
    transactions = Transactions(connection, lambda: NOW_US)
    streams = ("a", "b", "c", "a")

    outcomes = [transactions.write([Append(name, streams[:at].count(name), turns(1), (name,))])
                for at, name in enumerate(streams)]  # fmt: skip

    assert list(map(versions, outcomes)) == [[[1]], [[1]], [[1]], [[2]]]
    assert list(transactions._heads) == ["c", "a"]
    assert len(transactions._stored) == 2


def test_events_of_a_batch_share_an_instant_and_those_of_the_next_have_another(connection):
    transactions = Transactions(connection, iter((10, 20)).__next__)

    first = transactions.write([Append("a", 0, turns(1)), Append("b", 0, turns(1))])
    second = transactions.write([Append("c", 0, turns(1))])

    assert [envelope.recorded_at_us for (envelope,) in first + second] == [10, 10, 20]


def test_a_batch_that_breaks_half_way_leaves_no_transaction_open(connection):
    transactions = Transactions(connection, lambda: NOW_US)

    with pytest.raises(TypeError):
        transactions.write(None)

    assert not connection.in_transaction
    assert versions(transactions.write([Append("a", 0, turns(1))])) == [[1]]
