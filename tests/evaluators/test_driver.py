"""Asking CUDA's driver, without one."""

import threading

import pytest

from caesar.evaluators import driver


class Status(int):
    name = "CUDA_ERROR"


class Driver:
    """Notes what it is asked; answers with an error from some call on."""

    def __init__(self, *, fails=None):
        self.asked = []
        self.fails = fails

    def __getattr__(self, name):
        def ask(value):
            self.asked.append((name, value))
            return Status(name == self.fails), "device 0"

        return ask


def begun():
    """Begin a context; return once that has come to its end."""
    driver.begin_context()
    for thread in threading.enumerate():
        if thread.name == "context":
            thread.join()


def test_what_the_driver_returns_is_given_and_what_it_refuses_raised():
    assert 7 == driver.did((Status(0), 7))
    assert driver.did((Status(0),)) is None
    with pytest.raises(RuntimeError, match="CUDA_ERROR"):
        driver.did((Status(1), 7))


def test_the_first_devices_context_is_begun_and_kept(monkeypatch):
    cuda = Driver()
    monkeypatch.setattr(driver, "driver", lambda: cuda)

    begun()

    assert [("cuInit", 0), ("cuDeviceGet", 0), ("cuDevicePrimaryCtxRetain", "device 0")] == cuda.asked


@pytest.mark.parametrize("fails", ["cuInit", "cuDeviceGet", "cuDevicePrimaryCtxRetain"])
def test_what_is_in_the_way_of_a_context_is_left_to_whoever_uses_it(monkeypatch, fails):
    cuda = Driver(fails=fails)
    monkeypatch.setattr(driver, "driver", lambda: cuda)

    begun()

    assert fails == cuda.asked[-1][0]


def test_where_there_is_no_driver_nothing_is_begun(monkeypatch):
    def absent():
        raise ModuleNotFoundError("cuda")

    monkeypatch.setattr(driver, "driver", absent)

    begun()
