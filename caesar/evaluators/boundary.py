"""What a candidate raised, in words fit for a prompt. Imported in the candidate's process."""

from __future__ import annotations

from pathlib import Path
from traceback import TracebackException

from caesar.domain import storable
from caesar.sandbox.candidate import FILENAME

__all__ = ["candidate_traceback"]

_DETAIL_CHARS = 4000


def candidate_traceback(error: BaseException) -> str:
    """The traceback's end with the candidate's frames only, free of this machine's folders."""
    report = TracebackException.from_exception(error)
    pending: list[TracebackException | None] = [report]
    while pending:
        part = pending.pop()
        if part is not None:
            part.stack[:] = [frame for frame in part.stack if frame.filename == FILENAME]
            pending += [part.__cause__, part.__context__]
    text = "".join(report.format()).replace(f"{Path.cwd()}/", "")
    return storable(text)[-_DETAIL_CHARS:]
