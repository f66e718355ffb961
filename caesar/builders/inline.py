"""Building candidates as KernelBench does: their module is executed, and torch's load_inline compiles.

In a sandboxed child without any device. What it leaves is kept in a cache that evaluators load from.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import sysconfig
import tempfile
from contextlib import suppress
from pathlib import Path

from caesar.builders.buildlog import tidy
from caesar.builders.cache import BuildCache, Entry
from caesar.builders.child import BUILT, REASONS
from caesar.builders.inflight import InFlight
from caesar.builders.toolchain import Toolchain
from caesar.domain import BuildOutcome, Digest
from caesar.effects import Backend, Build, Built
from caesar.errors import Fault, UsageError
from caesar.events import canonical
from caesar.sandbox.job import Ended, How, Job
from caesar.sandbox.zygote import Zygote

__all__ = ["VERSION", "InlineBuilder"]

VERSION = "inline-1"
"""Part of every build's identity: raise it when builds come out differently."""

_TARGET = "caesar.builders.child:build"
_COMPILERS = 2
"""How many compilers one build may run at once: nvcc with torch's headers takes 3 GB each."""
_ROOM_BYTES = 64 << 20
"""With less free space than this, a failure says nothing about the candidate."""


class InlineBuilder:
    """A `ports.Builder` that compiles each source once on this machine and remembers how that went.

    What was ended by a limit or by SIGKILL is not remembered: both depend on more than the source.
    Extensions that a source builds elsewhere than under TORCH_EXTENSIONS_DIR are not kept.
    """

    def __init__(self, *, cache: Path, zygote: Zygote, arch: str | None) -> None:
        self._cache = BuildCache(cache)
        self._zygote = zygote
        self._arch = arch
        self._toolchains: dict[Backend, Toolchain] = {}
        self._building: InFlight[Built] = InFlight()

    def preflight(self, backend: Backend) -> None:
        """Raise UsageError, in one clear sentence, if no build for this backend could succeed."""
        if backend is Backend.CUDA and self._arch is None:
            raise UsageError("builds for CUDA need the GPU's compute capability, such as 9.0; name a device")
        self._cache.prepare()
        self._toolchains[backend] = Toolchain.find(backend, os.environ)

    async def build(self, build: Build) -> Built:
        """The build's outcome; cancelling ends its process tree unless others wait for the same source.

        Fault where the machine, not the candidate, is in the way.
        """
        if build.backend not in self._toolchains:
            await asyncio.to_thread(self.preflight, build.backend)
        key = self._key(build)
        try:
            return self._known(key) or await self._building.join(key, lambda: self._build_once(key, build))
        except OSError as error:
            raise Fault(
                "builder",
                f"a build can't write its files ({error}); free some space, or set CAESAR_CACHE or TMPDIR",
            ) from error

    async def _build_once(self, key: Digest, build: Build) -> Built:
        async with self._cache.locked(key) as folder:
            known = self._known(key)
            if known:
                return known
            self._cache.clear(key)
            ended = await self._run(build, folder)
            self._cache.mend(key)
            self._refuse_full_disk(ended, folder)
            entry = self._entry(ended, build.backend, folder)
            if _lasts(ended):
                with suppress(OSError):  # it is built again then; the candidate itself may be in the way
                    self._cache.remember(key, entry)
            else:
                self._cache.discard(key)
        return self._built(key, entry, cached=False)

    async def _run(self, build: Build, folder: Path) -> Ended:
        env = {
            **self._environment(build.backend),
            "TORCH_EXTENSIONS_DIR": str(folder),
            "CUDA_VISIBLE_DEVICES": "",
        }
        with tempfile.TemporaryDirectory(prefix="caesar-build-", ignore_cleanup_errors=True) as scratch:
            job = Job(
                _TARGET,
                build.candidate.source.encode(),
                Path(scratch),
                limit_s=build.limits.build_s,
                output_bytes=build.limits.output_bytes,
                env=env,
            )
            return await self._zygote.run(job)

    def _environment(self, backend: Backend) -> dict[str, str]:
        """What compilations depend on; equal for builds and for those who load them."""
        common = {"MAX_JOBS": str(_COMPILERS), "CCACHE_DISABLE": "1"}
        if backend is Backend.CUDA and self._arch:
            return {**common, "TORCH_CUDA_ARCH_LIST": self._arch}
        return common

    def _key(self, build: Build) -> Digest:
        toolchain = self._toolchains[build.backend]
        parts = (VERSION, build.candidate.source, build.backend, toolchain, self._environment(build.backend))
        return hashlib.sha256(canonical(parts)).hexdigest()

    def _known(self, key: Digest) -> Built | None:
        entry = self._cache.find(key)
        return self._built(key, entry, cached=True) if entry else None

    def _built(self, key: Digest, entry: Entry, *, cached: bool) -> Built:
        built = entry.outcome is BuildOutcome.BUILT
        artifact = str(self._cache.folder(key)) if built else None
        return Built(entry.outcome, artifact, entry.log, entry.seconds, cached, entry.reason)

    def _entry(self, ended: Ended, backend: Backend, folder: Path) -> Entry:
        reason = _reason(ended)
        log = tidy(ended.output, hidden=(str(folder), sysconfig.get_path("purelib")))
        return Entry(_outcome(reason), reason, log, ended.seconds, self._environment(backend))

    def _refuse_full_disk(self, ended: Ended, folder: Path) -> None:
        if _reason(ended) is None:
            return
        for place in (str(folder), tempfile.gettempdir()):
            if shutil.disk_usage(place).free < _ROOM_BYTES:
                raise Fault("builder", f"a build failed with the disk of {place} full; free some space")


def _reason(ended: Ended) -> str | None:
    """Why the build failed, None where it did not; the child's own word counts only if it ended well."""
    if ended.how is How.TIMED_OUT:
        return "time_limit"
    if ended.how is How.SIGNALLED:
        return f"signal:{ended.code}"
    if ended.how is not How.EXITED:
        return ended.how.value
    said = ended.replies[0].decode("utf-8", "replace") if len(ended.replies) == 1 else ""
    if ended.code != 0 or said not in (BUILT, *REASONS):
        return f"exit:{ended.code}"
    return None if said == BUILT else said


def _outcome(reason: str | None) -> BuildOutcome:
    if reason is None:
        return BuildOutcome.BUILT
    return BuildOutcome.TIMED_OUT if reason == "time_limit" else BuildOutcome.FAILED


def _lasts(ended: Ended) -> bool:
    """Whether the same source would end the same way again, as far as can be told."""
    return ended.how is How.EXITED or (ended.how is How.SIGNALLED and ended.code != signal.SIGKILL)
