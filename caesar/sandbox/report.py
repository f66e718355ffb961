"""What the keeper tells the supervisor once nothing of a job is left."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import asdict, dataclass

from caesar.sandbox.job import How

__all__ = ["Report"]


@dataclass(frozen=True, slots=True)
class Report:
    """How the job's child ended, and how many of its processes outlived SIGKILL."""

    how: How
    code: int
    survivors: int = 0
    fault: str | None = None
    """Why nothing of the job could run; None where it did."""
    swept: bool = False
    """Whether the keeper was killed, so that nobody saw how the child ended, and the zygote cleared up."""

    @classmethod
    def broken(cls, fault: str) -> Report:
        """Where the sandbox itself failed before the job began."""
        return cls(How.EXITED, 0, fault=fault)

    @classmethod
    def after_sweeping(cls, *, survivors: int) -> Report:
        """Where the keeper was killed."""
        return cls(How.SIGNALLED, signal.SIGKILL, survivors, swept=True)

    @classmethod
    def of(cls, status: int | None, *, survivors: int = 0, limit: How | None = None) -> Report:
        """From the limit that was passed, else the child's wait status; None, a survivor's, is killed."""
        if limit:
            return cls(limit, 0, survivors)
        if status is None:
            return cls(How.SIGNALLED, signal.SIGKILL, survivors)
        code = os.waitstatus_to_exitcode(status)
        return cls(How.EXITED, code, survivors) if code >= 0 else cls(How.SIGNALLED, -code, survivors)

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, body: bytes) -> Report:
        """The inverse of encode()."""
        fields = json.loads(body)
        return cls(**{**fields, "how": How(fields["how"])})
