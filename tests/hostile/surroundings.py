"""What lies around hostile candidates: secrets to steal, services to reach, and the traces that they leave.

Everything is under one folder that the candidates know, on ports and names that they know, so that one
that gets out is seen. Secrets are drawn anew each time.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from cases import Case

__all__ = ["SECRETS", "Surroundings"]

SECRETS = Path("/tmp/caesar-hostile-secrets")

PORT = 17113
"""Below those that the kernel gives to whoever asks for any."""

ABSTRACT = "\0caesar-hostile"

_SETTLE_S = 1.0
"""How long after an evaluation nothing of a candidate may be left."""
_LATE_S = 2.5
"""When the latest of what daemons leave would have been written."""


class Surroundings:
    """The canaries, the listeners, and what of a candidate can be seen from outside."""

    def __init__(self, canary: str, places: Mapping[str, Path], heard: Mapping[str, list[bytes]]) -> None:
        self.canary = canary
        self._places = places
        self._heard = heard
        self._memory: frozenset[int] = frozenset()
        self._intact = {path: path.read_bytes() for path in SECRETS.rglob("*") if path.is_file()}

    @classmethod
    @contextmanager
    def laid_out(cls, places: Mapping[str, Path]) -> Iterator[Self]:
        """Secrets in files and in this process's environment, and listeners, until the block ends.

        `places` are the folders that markers name in braces. OSError where somebody else has laid out theirs:
        candidates know one place only.
        """
        canary = f"canary-{secrets.token_hex(16)}"
        with _listening() as heard:
            _lay_out(canary)
            os.environ["CAESAR_HOSTILE_API_KEY"] = canary
            try:
                yield cls(canary, places, heard)
            finally:
                del os.environ["CAESAR_HOSTILE_API_KEY"]
                shutil.rmtree(SECRETS, ignore_errors=True)

    def prepare(self, case: Case) -> None:
        """Remove what an earlier candidate may have left under the names of this one."""
        for marker in case.marker:
            self._path(marker).unlink(missing_ok=True)
        for heard in self._heard.values():
            heard.clear()
        self._memory = _shared_memory()

    def complaints(self, case: Case, texts: str) -> Iterator[str]:
        """What a candidate got at or left behind, a sentence each; waits for what comes late."""
        if self.canary in texts:
            yield "a secret stands in what it said"
        if case.leaves:
            time.sleep(_SETTLE_S)
            yield from self._survivors(case)
        if case.marker and case.leaves:
            time.sleep(_LATE_S)
        for marker in case.marker:
            if self._path(marker).exists():
                yield f"{marker} was written"
        for name in case.intact:
            if _content(Path(name)) != self._intact.get(Path(name)):
                yield f"{name} was changed"
        for name in case.listens:
            if self._heard[name]:
                yield f"{name} was reached"

    def _survivors(self, case: Case) -> Iterator[str]:
        if case.comm is not None and _named(case.comm):
            yield f"processes named {case.comm} are left: {sorted(_named(case.comm))}"
        kind, _, key = (case.leaves or "").partition(" ")
        if kind == "sysv" and int(key, 16) in _shared_memory() - self._memory:
            yield f"shared memory {key} is left"

    def _path(self, marker: str) -> Path:
        return Path(marker.format_map({name: str(path) for name, path in self._places.items()}))


@contextmanager
def _listening() -> Iterator[Mapping[str, list[bytes]]]:
    """What is heard by each listener, as cases name them."""
    heard: dict[str, list[bytes]] = {}
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as unix,
    ):
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind(("127.0.0.1", PORT))
        udp.bind(("127.0.0.1", PORT))
        unix.bind(ABSTRACT)
        for name, link in ((f"tcp {PORT}", tcp), (f"udp {PORT}", udp), ("unix @caesar-hostile", unix)):
            listen = _hear_datagrams if link is udp else _hear_callers
            threading.Thread(target=listen, args=(link, heard.setdefault(name, [])), daemon=True).start()
        yield heard
        for link in (tcp, unix):
            link.shutdown(socket.SHUT_RDWR)


def _lay_out(canary: str) -> None:
    shutil.rmtree(SECRETS, ignore_errors=True)
    for folder in ("runs", "locks", ".ssh", "cache"):
        (SECRETS / folder).mkdir(parents=True)
    (SECRETS / ".env").write_text(f"API_KEY={canary}\n")
    (SECRETS / ".ssh" / "id_ed25519").write_text(f"{canary}\n")
    (SECRETS / "runs" / "caesar.db").write_text(f"SQLite format 3, with {canary}\n")
    (SECRETS / "locks" / "device.lock").write_text("{}\n")


def _hear_callers(link: socket.socket, heard: list[bytes]) -> None:
    link.listen()
    with suppress(OSError):
        while True:
            caller, _ = link.accept()
            caller.close()
            heard.append(b"a caller")


def _hear_datagrams(link: socket.socket, heard: list[bytes]) -> None:
    with suppress(OSError):
        while True:
            heard.append(link.recv(4096))


def _named(comm: str) -> set[int]:
    found = set()
    for file in Path("/proc").glob("[0-9]*/task/*/comm"):
        with suppress(OSError):
            if file.read_text().rstrip("\n") == comm:
                found.add(int(file.parts[2]))
    return found


def _shared_memory() -> frozenset[int]:
    rows = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return frozenset(int(row.split()[0]) for row in rows)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
