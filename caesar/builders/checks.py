"""Finding out whether a C++ source has errors with the real headers, without compiling what is in those.

GCC reads all of a source before it instantiates the functions that are needed, and PyTorch's headers need
thousands: a third of the time, all but a fifth of a second where they are precompiled. So a check is of a
copy that ends in errors of ours, as many as GCC goes on for: it stops there. Fewer of ours were printed
where the source has errors of its own. What only shows in such an instantiation is not found: a check that
finds nothing decides nothing.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path

from caesar.builders.commands import CHECK_ERRORS
from caesar.builders.steps import Step

__all__ = ["Ending"]

_NAME = "caesar-end-of-source"
_TERMINATED = re.compile(r"compilation terminated due to -fmax-errors")


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends the copy of a source; no source knows its token."""

    token: str = field(default_factory=lambda: secrets.token_hex(16))

    def copied(self, source: Path) -> Path:
        """A copy beside the source, which speaks of itself as the source, with the ending.

        Its name is no longer for a long one of the source's, and that of no other file.
        """
        copy = source.with_name(f"caesar-check-{self.token}{source.suffix}")
        text = source.read_text(errors="replace")
        ours = f'static_assert(0, "{self.token}");\n' * CHECK_ERRORS
        copy.write_text(
            f'#line 1 "{source}"\n{text}\n#line 1 "{_NAME}"\n#undef static_assert\n{ours}', errors="replace"
        )
        return copy

    def read(self, step: Step) -> Step:
        """The check's end as the source's own: it succeeded where all errors were of the ending.

        So it did where the ending is what a source was going on with, which ends too early.
        """
        lines = [line for line in step.ended.output.splitlines() if not _TERMINATED.match(line)]
        ours = sum(self.token in line for line in lines)
        if not ours or step.status < 0:
            return step
        own = [line for line in lines if not line.startswith(_NAME)]
        went_on = any(": error: " in line and self.token not in line for line in set(lines) - set(own))
        status = 0 if ours >= CHECK_ERRORS or went_on else step.status
        return replace(step, status=status, ended=replace(step.ended, output="\n".join(own)))
