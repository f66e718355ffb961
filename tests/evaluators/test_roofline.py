"""The floor below which no time can be true."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.effects import Precision
from caesar.evaluators.roofline import PEAKS, Work, finding_of, floor_ms, peak_of

COUNTS = st.integers(min_value=0, max_value=1 << 45)
H100 = peak_of("NVIDIA H100 80GB HBM3")


@pytest.mark.parametrize(
    ("name", "memory"),
    [
        ("NVIDIA H100 80GB HBM3", 3.35),
        ("NVIDIA H100 PCIe", 2.0),
        ("NVIDIA H100 NVL", 3.9),
        ("NVIDIA H200", 4.8),
        ("NVIDIA A100-SXM4-80GB", 2.04),
        ("NVIDIA A100-PCIE-40GB", 1.56),
        ("NVIDIA A10G", 0.6),
        ("NVIDIA L40S", 0.864),
        ("NVIDIA L4", 0.3),
        ("NVIDIA GeForce RTX 4090", 1.01),
        ("Tesla T4", 0.32),
    ],
)
def test_devices_are_known_by_the_names_their_drivers_give(name, memory):
    peak = peak_of(name)

    assert peak is not None
    assert memory == peak.memory


@pytest.mark.parametrize(
    "name", ["Intel Xeon", "NVIDIA H300", "NVIDIA GeForce RTX 4090 Laptop GPU", "", "H100X"]
)
def test_a_device_that_is_not_known_has_no_floor(name):
    assert peak_of(name) is None
    assert finding_of(1e-9, Work(1, 1, 1), peak_of(name), precision=Precision.FP32) is None


def test_every_rate_names_its_source_and_grows_with_less_precision():
    assert all(peak.source and peak.fp32 <= peak.tf32 <= peak.half for _, peak in PEAKS)


def test_reading_takes_the_memorys_time():
    assert pytest.approx(1.0) == floor_ms(Work(3_350_000_000, 0, 0), H100)


def test_outputs_may_stay_in_the_cache():
    assert 0 == floor_ms(Work(0, H100.cache_bytes, 0), H100)
    assert 0 < floor_ms(Work(0, H100.cache_bytes + 1, 0), H100)


def test_half_precision_computes_faster():
    work = Work(0, 0, 10**12)

    assert floor_ms(work, H100, precision=Precision.BF16) < floor_ms(work, H100, precision=Precision.FP32)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_more_work_never_takes_less_time(read, written, flops, more):
    floor = floor_ms(Work(read, written, flops), H100)

    assert floor <= floor_ms(Work(read + more, written + more, flops + more), H100)


def test_a_time_below_the_floor_is_a_finding_that_says_why():
    work = Work(3_350_000_000, 0, 0)

    finding = finding_of(0.5, work, H100, precision=Precision.FP32)

    assert finding is not None
    assert "faster_than_roofline" == finding.kind
    assert "0.5 ms, where the device needs 1 ms" in finding.detail
    assert finding_of(1.1, work, H100, precision=Precision.FP32) is None


def test_work_is_never_negative():
    with pytest.raises(ValueError, match="never negative"):
        Work(-1, 0, 0)
