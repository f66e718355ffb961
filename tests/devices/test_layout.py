import pytest

from caesar.devices import layout
from caesar.devices.inventory import inventory
from caesar.devices.layout import shared_layout
from caesar.errors import UsageError


def test_processes_that_share_the_cpu_out_alike_do_not_disturb_each_other(tmp_path):
    with shared_layout(tmp_path, 2), shared_layout(tmp_path, 2):
        pass


def test_another_number_of_slots_is_refused_while_one_is_in_use(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "_PATIENCE_S", 0.05)

    refused = pytest.raises(UsageError, match="set CAESAR_CPU_SLOTS as it does")
    with shared_layout(tmp_path, 2), refused, shared_layout(tmp_path, 1):
        pass


def test_the_number_of_slots_may_change_once_nobody_uses_any(tmp_path):
    with shared_layout(tmp_path, 2):
        pass
    with shared_layout(tmp_path, 1), shared_layout(tmp_path, 1):
        pass


def test_slots_share_the_cores_out_and_one_slot_has_them_all(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2, 5, 7})

    assert [(0, 1, 2, 5, 7)] == [slot.cpus for slot in inventory(environ={})]
    assert [(0, 1), (2, 5, 7)] == [slot.cpus for slot in inventory(environ={}, cpu_slots=2)]


def test_more_slots_than_cores_are_refused(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})

    with pytest.raises(UsageError, match="3 CPU slots can't be made of 2 cores: ask for 1 to 2"):
        inventory(environ={}, cpu_slots=3)
