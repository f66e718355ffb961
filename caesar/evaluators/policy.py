"""Which findings make a candidate incorrect, and which are only told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from caesar.effects import Ruling

__all__ = ["FINDINGS", "Policy"]

FINDINGS: Mapping[str, bool] = {
    "input_mutated": True,
    "wrong_on_other_inputs": True,
    "low_precision": True,
    "unscrutinised": False,
    "flaky": False,
    "timing_inconsistent": False,
    "timed_twice": False,
    "faster_than_roofline": False,
    "torch_fallback": False,
    "no_custom_kernel": False,
    "tf32": False,
    "tampered": False,
    "untraced": False,
    "threads_left": False,
    "children_left": False,
    "shape_specialised": False,
    "vacuous": False,
    "cpu_shared": False,
    "reference_nonfinite": False,
    "reference_disturbed": False,
}
"""Every finding, and whether it makes a candidate incorrect where the spec says nothing."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a spec says of findings, over the defaults."""

    rulings: Mapping[str, Ruling] = field(default_factory=dict)

    def rejects(self, finding: str) -> bool:
        """Whether a candidate with this finding is incorrect."""
        ruling = self.rulings.get(finding)
        return FINDINGS.get(finding, False) if ruling is None else ruling is Ruling.INCORRECT
