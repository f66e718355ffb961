"""One problem looked at for flaws, in a trusted child: the job behind `caesar problems audit`.

The supervisor sends an `Audit` and gets one `Audited` back. Imports torch: a trusted child only.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from caesar.domain import storable
from caesar.effects import Precision
from caesar.evaluators.device import open_device
from caesar.evaluators.reference import load_reference, secret_seed
from caesar.evaluators.vacuity import Flaw, flaws_of

__all__ = ["TARGET", "Audit", "Audited", "main"]

TARGET = "caesar.evaluators.audit:main"

_DETAIL_CHARS = 500


class Audit(msgspec.Struct, frozen=True):
    """Which problem is looked at, and how."""

    reference: str
    """The problem's source."""
    precision: Precision
    cuda: bool
    seeds: int = 3
    """For how many seeds a guess has to pass."""


class Audited(msgspec.Struct, frozen=True):
    """What was found: flaws, or why nothing could be looked at."""

    flaws: tuple[Flaw, ...] = ()
    unusable: str | None = None


def main(payload: bytes, reply: Callable[[bytes], None]) -> None:
    """Look at the problem in the payload; one reply."""
    audit = msgspec.json.decode(payload, type=Audit)
    reply(msgspec.json.encode(_audited(audit)))


def _audited(audit: Audit) -> Audited:
    try:
        reference = load_reference(
            audit.reference, device=open_device(cuda=audit.cuda), precision=audit.precision
        )
        seeds = [secret_seed() for _ in range(audit.seeds)]
        return Audited(flaws_of(reference, tolerance=audit.precision.tolerance, seeds=seeds))
    except (ArithmeticError, AttributeError, ImportError, LookupError, OSError, RuntimeError) as error:
        return _unusable(error)
    except (NameError, SyntaxError, TypeError, ValueError) as error:
        return _unusable(error)


def _unusable(error: Exception) -> Audited:
    return Audited(unusable=storable(f"{type(error).__name__}: {error}")[:_DETAIL_CHARS])
