from importlib.metadata import version

import pytest
import torch

from caesar.evaluators.surroundings import cuda_of_torch, driver_version, torch_version


def test_torch_and_its_cuda_are_what_torch_itself_says():
    assert version("torch") == torch_version()
    assert torch.version.cuda == cuda_of_torch()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  Tue Sep 23\nGCC version:", "580.95.05"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.1  Release\n", "570.1"),
        ("something else", None),
    ],
)
def test_a_drivers_version_is_what_its_kernel_module_tells(tmp_path, text, told):
    file = tmp_path / "version"
    file.write_text(text)

    assert told == driver_version(file)


def test_no_driver_has_no_version(tmp_path):
    assert driver_version(tmp_path / "missing") is None
