"""Reading what a user names, and the folders Caesar uses where the user names none."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from caesar.errors import UsageError

__all__ = ["cache_bytes", "cache_folder", "cpu_slots", "lock_folder", "read_candidate", "read_spec"]


def read_spec(file: Path) -> str:
    """A file's text; UsageError where it can't be read."""
    if not file.exists():
        raise UsageError(f"{file}: no such file; specs ship in the folder specs/")
    try:
        return _plain_file(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: can't be read as UTF-8 text ({error})") from error


def read_candidate(file: Path) -> str:
    """A candidate's text, undecodable bytes replaced: what it is worth is for the builder to say."""
    try:
        return _plain_file(file).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{file}: can't be read ({error.strerror})") from error


def _plain_file(file: Path) -> Path:
    """The path, if it names a plain file: a folder has no text, and a device's may never end."""
    if file.exists() and not file.is_file():
        raise UsageError(f"{file}: is not a file; name one")
    return file


def cache_folder() -> Path:
    """Where builds are kept: CAESAR_CACHE, else the user's cache folder."""
    named = os.environ.get("CAESAR_CACHE")
    if named:
        return Path(named).resolve()
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError as error:
        raise UsageError("no home folder is known to keep builds in; name one with CAESAR_CACHE") from error
    return home / "caesar"


def cache_bytes() -> int:
    """How much the builds may hold: CAESAR_CACHE_BYTES, else 8 GiB."""
    named = os.environ.get("CAESAR_CACHE_BYTES")
    if named is None:
        return 8 << 30
    if not named.isdecimal() or int(named) == 0:
        raise UsageError(f"CAESAR_CACHE_BYTES is a number of bytes, such as {8 << 30}, not {named!r}")
    return int(named)


def lock_folder() -> Path:
    """Where device locks lie: CAESAR_LOCKS, else a local folder of this user."""
    named = os.environ.get("CAESAR_LOCKS")
    if named:
        return Path(named).resolve()
    runtime = Path(f"/run/user/{os.getuid()}")
    if os.access(runtime, os.W_OK):
        return runtime / "caesar"
    return Path(tempfile.gettempdir()) / f"caesar-{os.getuid()}"


def cpu_slots() -> int:
    """In how many slots the CPU is shared out: CAESAR_CPU_SLOTS, else one."""
    named = os.environ.get("CAESAR_CPU_SLOTS") or "1"
    if not named.isdecimal():
        raise UsageError(f"CAESAR_CPU_SLOTS={named}: name a number of slots")
    return int(named)
