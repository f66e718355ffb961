"""Everything Caesar raises on purpose: one tree, told apart by who has to act.

A wrong input is a `UsageError` (exit status 2, nothing was started). Something that broke while
work was under way is a `Fault`: retried by policy, recorded, never blamed on the candidate. A bad
candidate is neither: it is data (`domain.Verdict`).
"""

from __future__ import annotations

__all__ = ["CaesarError", "ConflictError", "Fault", "StoreError", "UsageError"]


class CaesarError(Exception):
    """A failure Caesar can name; its text is one sentence: what, where, what to do."""


class UsageError(CaesarError, ValueError):
    """The command, the spec or the environment is wrong; nothing was started."""


class StoreError(CaesarError):
    """The event store can't be read or written (not a store, newer schema, disk full, network disk)."""


class ConflictError(StoreError):
    """Another writer appended to the stream first."""

    def __init__(self, stream: str, *, expected: int, actual: int) -> None:
        super().__init__(
            f"stream {stream} is at version {actual}, not {expected}: another process is writing this run;"
            " stop one of them and run the command again"
        )
        self.stream = stream
        self.expected = expected
        self.actual = actual


class Fault(CaesarError):  # noqa: N818 (a fault is this project's word, and not every one is an error)
    """Work failed for a reason that is not the candidate's; recorded and retried by policy."""

    def __init__(
        self, kind: str, message: str, *, permanent: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        """A stable word for statistics: model, builder, evaluator, device, reference, internal.

        Three of them say how a device is left: device (it is probed), hardware (it reported an error)
        and survivors (a process on it outlived SIGKILL): both put it into quarantine.
        """
        self.permanent = permanent
        """True where trying again can't help (a missing model, recorded completions that ran out)."""
        self.retry_after_s = retry_after_s
        """What the other side asked for, in seconds; None lets the policy choose."""
