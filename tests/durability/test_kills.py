"""A run that is killed anywhere, and taken up again, ends as if it had not been killed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

PROGRAM = Path(__file__).with_name("killing.py")


def killings(mode, folder, count):
    done = subprocess.run(
        [sys.executable, str(PROGRAM), mode, str(folder), str(count)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def wrong(killing):
    """Whether anything about a kill is not as it should be."""
    as_it_should = {
        "sound_when_killed": True,
        "resumed": True,
        "differing": [],
        "paid_twice": [],
        "sound": True,
    }
    return as_it_should != {key: killing[key] for key in as_it_should}


def test_killed_at_any_event_boundary_a_run_ends_as_if_it_had_not_been(tmp_path, full):
    done = killings("boundaries", tmp_path, 0 if full else 10)

    assert [] == [each for each in done if wrong(each)]
    assert len(done) >= (100 if full else 10)
    assert all(each["killed"] for each in done)


def test_killed_at_any_instant_with_eight_trajectories_in_flight_a_run_ends_as_if_it_had_not_been(
    tmp_path, full
):
    done = killings("instants", tmp_path, 50 if full else 10)

    assert [] == [each for each in done if wrong(each)]
    assert (50 if full else 10) == sum(each["killed"] for each in done)
