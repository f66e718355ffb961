"""The least time that a device could need for a problem: its roofline floor. Pure.

Whatever is faster did not do the work, or did other work. So the floor has to be a bound from below:
where something is not sure to be read, written or computed, it is not counted (evaluators.work), and
a device's rates are the vendor's largest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from caesar.domain import Finding
from caesar.effects import Precision

__all__ = ["PEAKS", "Peak", "Work", "finding_of", "floor_ms", "peak_of"]

_CLOCK_MARGIN = 1.15
"""Clocks may be above those for which datasheets give arithmetic rates; memory clocks are not."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a call has to do however it is done."""

    read_bytes: int
    """Of inputs and parameters, each counted once."""
    written_bytes: int
    """Of outputs that are not an input's own memory."""
    flops: int
    """Of matrix products and convolutions; other arithmetic is not counted."""

    def __post_init__(self) -> None:
        if min(self.read_bytes, self.written_bytes, self.flops) < 0:
            raise ValueError("work is never negative")


@dataclass(frozen=True, slots=True)
class Peak:
    """The vendor's rates for one device model, dense, the largest that any of its clocks allows."""

    fp32: float
    """Floating-point operations a second, in units of 1e12, on the ordinary cores."""
    tf32: float
    """Likewise on tensor cores in TF32; the ordinary cores' rate where there is none."""
    half: float
    """Likewise in FP16 or BF16, whichever is faster."""
    memory: float
    """Bytes a second, in units of 1e12."""
    cache_bytes: int
    """Of the second-level cache."""
    source: str
    """Where the rates are published."""

    def rate(self, precision: Precision) -> float:
        """Floating-point operations a second that a task of this precision may come to."""
        unit = max(self.fp32, self.tf32) if precision is Precision.FP32 else self.half
        return unit * 1e12 * _CLOCK_MARGIN


_MB = 1 << 20
_HOPPER = "NVIDIA H100 and H200 Tensor Core GPU datasheets"
_AMPERE = "NVIDIA A100 Tensor Core GPU datasheet"
_ADA = "NVIDIA L4 and L40S datasheets; NVIDIA Ada GPU architecture whitepaper"

PEAKS = (
    (r"H200 NVL", Peak(60, 418, 836, 4.8, 60 * _MB, _HOPPER)),
    (r"H200", Peak(67, 495, 990, 4.8, 60 * _MB, _HOPPER)),
    (r"H100 NVL", Peak(60, 418, 836, 3.9, 60 * _MB, _HOPPER)),
    (r"H100 PCIe", Peak(51, 378, 757, 2.0, 50 * _MB, _HOPPER)),
    (r"H100( 80GB HBM3| SXM.*)?", Peak(67, 495, 990, 3.35, 50 * _MB, _HOPPER)),
    (r"A100.*80GB.*", Peak(19.5, 156, 312, 2.04, 40 * _MB, _AMPERE)),
    (r"A100.*40GB.*", Peak(19.5, 156, 312, 1.56, 40 * _MB, _AMPERE)),
    (r"A10G?", Peak(31.6, 62.5, 125, 0.6, 6 * _MB, "NVIDIA A10 datasheet")),
    (r"L40S", Peak(91.6, 183, 366, 0.864, 96 * _MB, _ADA)),
    (r"L4", Peak(30.3, 60.5, 121, 0.3, 48 * _MB, _ADA)),
    (r"(GeForce )?RTX 4090", Peak(82.6, 82.6, 331, 1.01, 72 * _MB, _ADA)),
    (r"T4", Peak(8.1, 8.1, 65, 0.32, 4 * _MB, "NVIDIA T4 datasheet")),
)
"""By the device's name without its vendor's, the first that fits whole; units as in Peak."""


def peak_of(device_name: str) -> Peak | None:
    """The rates of a device by the name that its driver gives it; None where they are not known."""
    model = re.sub(r"^(NVIDIA|Tesla) ", "", device_name.strip())
    return next((peak for pattern, peak in PEAKS if re.fullmatch(pattern, model)), None)


def floor_ms(work: Work, peak: Peak, *, precision: Precision = Precision.FP32) -> float:
    """The milliseconds below which the work can't have been done on the device.

    Caches are taken to be empty before the call; as much of the outputs as the second-level cache
    holds may be written to memory after it. Launching is not counted.
    """
    moved_bytes = work.read_bytes + max(0, work.written_bytes - peak.cache_bytes)
    return 1e3 * max(moved_bytes / (peak.memory * 1e12), work.flops / peak.rate(precision))


def finding_of(median_ms: float, work: Work, peak: Peak | None, *, precision: Precision) -> Finding | None:
    """The finding `faster_than_roofline`, where a time lies below the floor of a known device."""
    if peak is None or median_ms >= (floor := floor_ms(work, peak, precision=precision)):
        return None
    return Finding(
        "faster_than_roofline",
        f"{median_ms:.4g} ms, where the device needs {floor:.4g} ms to read {work.read_bytes} bytes, write "
        f"{work.written_bytes} and do {work.flops} operations at its rates ({peak.source})",
    )
