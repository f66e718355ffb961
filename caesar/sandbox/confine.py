"""Taking rights away from a child that is about to run what nobody trusts: user, capabilities, files, calls."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from caesar.sandbox.box import Box, Tier
from caesar.sandbox.identity import take
from caesar.sandbox.landlock import Rules, restrict, version
from caesar.sandbox.linux import (
    bar_capabilities,
    drop_capabilities,
    forbid_new_privileges,
    set_readable_by_its_user,
)
from caesar.sandbox.root import writable_folders
from caesar.sandbox.runtime import DEVICES, PSEUDO
from caesar.sandbox.seccomp import Filter, install

__all__ = ["Confinement", "confine", "give_up_user"]

_LISTS = tuple(Path("/etc", name) for name in ("passwd", "group", "hosts"))


@dataclass(frozen=True, slots=True)
class Confinement:
    """All that confining a child takes."""

    box: Box
    folder: Path
    reads: tuple[Path, ...]
    number: int | None
    """The user and group to become; None to stay."""


def give_up_user(confinement: Confinement) -> None:
    """Become the child's own user, without capabilities, and without a way to get any by an exec."""
    bar_capabilities()
    if confinement.number is not None:
        take(confinement.number)
    drop_capabilities()
    set_readable_by_its_user(readable=True)
    forbid_new_privileges()


def confine(confinement: Confinement) -> None:
    """Refuse from now on what the box does not allow; OSError where this kernel can't."""
    is_namespace = confinement.box.tier is Tier.NAMESPACE
    if is_namespace and version():
        restrict(_inside(confinement))
    elif not is_namespace:
        restrict(_outside(confinement))
    shares_user = not is_namespace and confinement.number is None
    install(
        Filter(
            platform.machine(),
            shares_user_as=os.getpid() if shares_user else None,
            keeps_cores=confinement.box.cpus is None,
        )
    )


def _inside(confinement: Confinement) -> Rules:
    """In a root of its own: nothing is there but what may be read."""
    return Rules(
        reads=(Path("/"),),
        writes=writable_folders(confinement.folder),
        devices=(*DEVICES, *confinement.box.devices),
        changes=(Path("/proc"),) if confinement.box.devices else (),
    )


def _outside(confinement: Confinement) -> Rules:
    """In the machine's own root; drivers write their threads' names under /proc.

    With a number of its own the child can't write what matters there; else only its own process is open.
    """
    box = confinement.box
    pseudo = (Path("/proc"), Path("/sys")) if box.devices else (Path("/proc"), *PSEUDO)
    names = Path("/proc") if confinement.number is not None else Path("/proc/self")
    return Rules(
        reads=(*confinement.reads, *pseudo, *_LISTS),
        writes=(confinement.folder,),
        devices=(*DEVICES, *box.devices),
        changes=(names,) if box.devices else (),
    )
