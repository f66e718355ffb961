"""How trajectories are shared out among the processes that replay them."""

import pytest

from caesar.cli.replay import _parts


@pytest.mark.parametrize(
    ("trajectories", "processes", "expected"),
    [
        (0, 8, [0]),
        (1, 8, [1]),
        (199, 8, [199]),
        (200, 8, [150, 50]),
        (1000, 1, [1000]),
        (1000, 2, [550, 450]),
        (1000, 4, [325, 225, 225, 225]),
    ],
)
def test_every_trajectory_is_replayed_once_and_more_of_them_here_than_in_processes_that_start(
    trajectories, processes, expected
):
    streams = [f"RUN/1/{number}" for number in range(trajectories)]

    parts = list(_parts(streams, processes))

    assert expected == [len(part) for part in parts]
    assert sorted(streams) == sorted(stream for part in parts for stream in part)
