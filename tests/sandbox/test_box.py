import json
from pathlib import Path

import pytest

from caesar.sandbox.box import Box, Tier


def test_a_box_survives_its_journey_as_json():
    box = Box(Tier.NAMESPACE, (Path("/data"),), (Path("/dev/nvidia0"),), 1 << 30, 64, 1 << 20, 1 << 19, (0, 2))

    assert box == Box.decode(json.loads(json.dumps(box.encode())))
    assert Box() == Box.decode(json.loads(json.dumps(Box().encode())))


def test_relative_paths_are_refused():
    with pytest.raises(ValueError, match="absolute, not here"):
        Box(reads=(Path("here"),))


@pytest.mark.parametrize("name", ["memory_bytes", "processes", "disk_bytes", "file_bytes"])
def test_limits_that_allow_nothing_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} is positive or None, not 0"):
        Box(**{name: 0})


def test_an_empty_set_of_cores_is_refused():
    with pytest.raises(ValueError, match="one core at least"):
        Box(cpus=())
