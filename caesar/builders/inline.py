"""Building candidates: their module is executed in a child, the extensions it asks for are compiled outside it.

In sandboxed jobs without any device. The artifact, from which evaluators load, is written here, by the
supervisor, and never by a process that ran a candidate's code.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import socket
import tempfile
from pathlib import Path

from caesar.builders.cache import DEFAULT_BYTES, BuildCache, Entry
from caesar.builders.capacity import Capacity
from caesar.builders.child import loads_late
from caesar.builders.inflight import InFlight
from caesar.builders.steps import ROOM_BYTES
from caesar.builders.threads import in_thread, removed_after
from caesar.builders.toolchain import Toolchain
from caesar.builders.underway import UnderWay, Watch, reason_of, watched
from caesar.builders.workshop import Workshop
from caesar.domain import BuildOutcome, Digest
from caesar.effects import Backend, Build, Built
from caesar.errors import Fault, UsageError
from caesar.events import canonical
from caesar.sandbox.box import Box, Tier
from caesar.sandbox.folders import job_folder
from caesar.sandbox.job import Ended, Job
from caesar.sandbox.zygote import Zygote

__all__ = ["VERSION", "InlineBuilder"]

VERSION = "inline-2"
"""Part of every build's identity: raise it when builds come out differently."""

_TARGET = "caesar.builders.child:build"
_MEMORY_BYTES = 16 << 30
_PROCESSES = 256
_DISK_BYTES = 2 << 30
_LONGEST_S = 86_400.0
"""Longer than any limit: the time that counts is kept here, because waiting for compilers does not."""


class InlineBuilder:
    """A `ports.Builder` that compiles each source once on this machine and remembers how that went.

    What was ended by a limit or by SIGKILL is not remembered: both depend on more than the source. With `gpus`
    to be timed beside them, builds leave two processors to each.
    """

    def __init__(
        self,
        *,
        cache: Path,
        zygote: Zygote,
        arch: str | None,
        tier: Tier = Tier.NONE,
        most_bytes: int = DEFAULT_BYTES,
        gpus: int = 0,
    ) -> None:
        self._cache = BuildCache(cache, most_bytes=most_bytes)
        self._zygote = zygote
        self._arch = arch
        self._tier = tier
        self._capacity = Capacity.beside(gpus)
        self._workshops: dict[Backend, Workshop] = {}
        self._building: InFlight[Built] = InFlight()

    def preflight(self, backend: Backend) -> None:
        """Raise UsageError, in one clear sentence, if no build for this backend could succeed."""
        if backend is Backend.CUDA and self._arch is None:
            raise UsageError("builds for CUDA need the GPU's compute capability, such as 9.0; name a device")
        self._cache.prepare()
        toolchain = Toolchain.find(backend, os.environ)
        self._workshops[backend] = Workshop(
            cache=self._cache,
            zygote=self._zygote,
            toolchain=toolchain,
            arch=self._arch if backend is Backend.CUDA else None,
            tier=self._tier,
            capacity=self._capacity,
        )

    async def build(self, build: Build) -> Built:
        """The build's outcome; cancelling ends its process tree unless others wait for the same source.

        Fault where the machine, not the candidate, is in the way.
        """
        if build.backend not in self._workshops:
            await asyncio.to_thread(self.preflight, build.backend)
        reference = _reference(build)
        key = self._key(build, reference)
        try:
            known = await self._known(key)
            return known or await self._building.join(key, lambda: self._once(key, build, reference))
        except OSError as error:
            raise Fault(
                "builder",
                f"a build can't write its files ({error}); free some space, or set CAESAR_CACHE or TMPDIR",
            ) from error

    async def _once(self, key: Digest, build: Build, reference: str | None) -> Built:
        async with self._cache.locked(key):
            known = await self._known(key)
            if known:
                return known
            work = UnderWay(build, reference, self._workshops[build.backend], Watch(build.limits.build_s))
            ended = await self._run(work)
            self._refuse_full_disk(ended)
            entry = work.entry(ended)
            if not work.lasts(ended):
                return self._built(key, entry, cached=False)
            built = entry.outcome is BuildOutcome.BUILT
            entry = await in_thread(self._cache.keep, key, entry, work.libraries if built else {})
        await in_thread(self._cache.trim)
        return self._built(key, entry, cached=False)

    async def _run(self, work: UnderWay) -> Ended:
        ours, theirs = socket.socketpair()
        with (
            ours,
            theirs,
            job_folder("build") as scratch,
        ):
            ours.setblocking(False)
            job = Job(
                _TARGET,
                work.payload,
                scratch,
                limit_s=_LONGEST_S,
                output_bytes=work.build.limits.output_bytes,
                env={**_PRIVATE, "TRITON_CACHE_DIR": f"{scratch}/triton"},
                descriptors=(theirs.fileno(),),
                box=Box(
                    self._tier,
                    memory_bytes=_MEMORY_BYTES,
                    processes=_PROCESSES,
                    disk_bytes=_DISK_BYTES,
                    cpus=self._capacity.cpus,
                ),
            )
            async with removed_after(scratch):
                return await watched(self._zygote.run(job), work.serve(ours), work.watch)

    def _key(self, build: Build, reference: str | None) -> Digest:
        identity = self._workshops[build.backend].identity
        parts = (VERSION, build.candidate.source, build.backend, identity, reference)
        return hashlib.sha256(canonical(parts)).hexdigest()

    async def _known(self, key: Digest) -> Built | None:
        entry = await in_thread(self._cache.find, key)
        return self._built(key, entry, cached=True) if entry else None

    def _built(self, key: Digest, entry: Entry, *, cached: bool) -> Built:
        built = entry.outcome is BuildOutcome.BUILT
        return Built(
            entry.outcome,
            artifact=str(self._cache.folder(key)) if built else None,
            log=entry.log,
            seconds=entry.seconds,
            cached=cached,
            reason=entry.reason,
            full_log=entry.full_log,
            headers=entry.headers,
            dropped=entry.dropped,
            cpu_s=entry.cpu_s,
            peak_bytes=entry.peak_bytes,
        )

    def _refuse_full_disk(self, ended: Ended) -> None:
        if reason_of(ended) is None:
            return
        for place in (str(self._cache.root), tempfile.gettempdir()):
            if shutil.disk_usage(place).free < ROOM_BYTES:
                raise Fault("builder", f"a build failed with the disk of {place} full; free some space")


_PRIVATE = {"CUDA_VISIBLE_DEVICES": "", "CCACHE_DISABLE": "1"}
"""The build child's own variables."""


def _reference(build: Build) -> str | None:
    """The reference's source, where the candidate compiles only once it is constructed."""
    if build.problem is None or not loads_late(build.candidate.source):
        return None
    return build.problem.source
