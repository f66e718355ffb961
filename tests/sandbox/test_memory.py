import pytest

from caesar.sandbox import memory


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine that tells so much; None where it tells nothing."""

    def made(meminfo, group):
        (tmp_path / "meminfo").write_text(meminfo)
        monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
        monkeypatch.setattr(memory, "_GROUP_LIMIT", tmp_path / "memory.max")
        if group is not None:
            (tmp_path / "memory.max").write_text(group)

    return made


@pytest.mark.parametrize(
    ("meminfo", "group", "available"),
    [
        ("MemTotal: 9 kB\nMemAvailable:       4 kB\n", None, 4096),
        ("MemTotal: 9 kB\nMemAvailable:       4 kB\n", "max\n", 4096),
        ("MemTotal: 9 kB\nMemAvailable:       4 kB\n", "1000\n", 1000),
        ("MemTotal: 9 kB\n", "1000\n", 1000),
    ],
)
def test_what_is_available_is_what_the_kernel_says_within_the_group(machine, meminfo, group, available):
    machine(meminfo, group)

    assert available == memory.available_bytes()
