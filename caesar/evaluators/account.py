"""What a contest has come to so far: stages, trials and findings, and when a finding ends it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from caesar.domain import Finding, Mismatch
from caesar.evaluators.policy import Policy
from caesar.evaluators.protocol import Ending, Report, Stage

__all__ = ["Account", "Wrong"]

_DETAIL_CHARS = 500


class Wrong(Exception):  # noqa: N818 - a verdict in the making
    """The candidate is incorrect, for a reason of one word."""

    def __init__(self, reason: str, found: Mismatch | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.found = found


@dataclass(slots=True)
class Account:
    """Kept while a candidate is judged."""

    policy: Policy
    reached_s: dict[Stage, float] = field(default_factory=dict)
    parameters: str | None = None
    trials: int = 0
    trials_passed: int = 0
    looked_at: dict[str, float] = field(default_factory=dict)
    conditions: dict[str, float] = field(default_factory=dict)
    _findings: dict[str, Finding] = field(default_factory=dict)

    def note(self, kind: str, detail: str) -> None:
        """Add a finding, the first of its kind; whether it makes the candidate incorrect is asked later."""
        self._findings.setdefault(kind, Finding(kind, detail[:_DETAIL_CHARS]))

    def notice(self, kind: str, detail: str, found: Mismatch | None = None) -> None:
        """Add a finding; Wrong where the policy says that it makes the candidate incorrect."""
        self.note(kind, detail)
        if self.policy.rejects(kind):
            raise Wrong(kind, found)

    def settle(self) -> None:
        """Ask the policy about everything that was only noted; Wrong as for notice()."""
        for kind in self._findings:
            if self.policy.rejects(kind):
                raise Wrong(kind)

    def report(self, ending: Ending, *, seconds: float) -> Report:
        """The whole of it."""
        return Report(
            ending=ending,
            reached_s=self.reached_s,
            parameters=self.parameters,
            trials_passed=self.trials_passed,
            trials=self.trials,
            findings=tuple(self._findings.values()),
            looked_at=self.looked_at,
            conditions=self.conditions,
            seconds=seconds,
        )
