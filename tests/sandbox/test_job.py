from pathlib import Path

import pytest

from caesar.sandbox.job import Job


@pytest.mark.parametrize("target", ["module", "module:", ":function", ""])
def test_a_target_names_a_module_and_a_function(target):
    with pytest.raises(ValueError, match=r"package\.module:function"):
        Job(target, b"", Path("/"), limit_s=1, output_bytes=1)


def test_a_relative_folder_is_refused():
    with pytest.raises(ValueError, match="absolute path"):
        Job("module:function", b"", Path("here"), limit_s=1, output_bytes=1)


def test_more_descriptors_than_travel_are_refused():
    with pytest.raises(ValueError, match="8 descriptors at most, not 9"):
        Job("module:function", b"", Path("/"), limit_s=1, output_bytes=1, descriptors=tuple(range(9)))
