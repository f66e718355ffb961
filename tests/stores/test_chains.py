import pytest

from caesar.errors import StoreError
from caesar.events import GENESIS, TurnBegun, seal
from caesar.stores.chains import verified


def sealed(turn, *, version, previous):
    return seal(TurnBegun(turn), stream="run", version=version, previous=previous, recorded_at_us=0)


FIRST = sealed(1, version=1, previous=GENESIS)
SECOND = sealed(2, version=2, previous=FIRST.digest)
THIRD = sealed(3, version=3, previous=SECOND.digest)


def test_a_whole_stream_is_returned_as_it_is():
    assert verified("run", [FIRST, SECOND, THIRD]) == (FIRST, SECOND, THIRD)


def test_an_event_exchanged_for_another_well_sealed_one_shows_at_the_next():
    forged = sealed(7, version=2, previous=FIRST.digest)

    with pytest.raises(StoreError, match=r"from version 3 on \(its digest does not fit\)"):
        verified("run", [FIRST, forged, THIRD])


def test_a_version_left_out_by_the_writer_is_missing():
    gap = sealed(3, version=3, previous=FIRST.digest)

    with pytest.raises(StoreError, match=r"from version 2 on \(version 2 is missing\)"):
        verified("run", [FIRST, gap])
