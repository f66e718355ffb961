"""`caesar doctor`: what works on this machine, and what to do about what does not."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from caesar.builders.toolchain import Toolchain
from caesar.cli.checks import Check, State
from caesar.cli.files import cache_folder, lock_folder
from caesar.cli.machinery import backend_of, preloaded
from caesar.cli.output import emit_json, emit_rows
from caesar.cli.profilers import profilers
from caesar.devices.folder import prepare_folder
from caesar.devices.inventory import Device, Gpus, find_gpus, inventory, nodes_of
from caesar.effects import Backend
from caesar.errors import CaesarError, UsageError
from caesar.evaluators.installation import asked, find_installation
from caesar.sandbox.probe import Probe, probe
from caesar.sandbox.zygote import Zygote

__all__ = ["doctor_command"]

_PACKAGES = ("litellm", "duckdb", "pyarrow")


def doctor_command(*, kernelbench: Path | None, json: bool) -> int:
    """Look at everything; 0 where runs can be made here, 1 where something needed fails."""
    gpus = find_gpus(os.environ)
    checks = [
        *_of_the_machine(gpus),
        *_of_the_tools(),
        *profilers(gpus.devices, os.environ),
        *asyncio.run(_of_the_sandbox()),
        _kernelbench(kernelbench, gpus),
        *_of_the_rest(),
    ]
    if json:
        emit_json([asdict(check) for check in checks])
    else:
        rows = [(check.what, check.state, check.line) for check in checks]
        emit_rows(("what", "state", "found"), rows, right=(False, False, False))
    return 1 if any(check.state == State.FAILS for check in checks) else 0


def _of_the_machine(gpus: Gpus) -> Iterator[Check]:
    yield Check("python", State.WORKS, platform.python_version())
    if gpus.devices:
        for device in gpus.devices:
            yield Check("gpu", State.WORKS, f"{device.name} ({device.id}), compute capability {device.arch}")
    else:
        reason = gpus.reason or "nvidia-smi lists none"
        yield Check("gpu", State.LACKS, reason, "runs here use the backend cpu")


def _of_the_tools() -> Iterator[Check]:
    try:
        yield Check("torch", State.WORKS, version("torch"))
    except PackageNotFoundError:
        yield Check("torch", State.FAILS, "is not installed", "pip install torch")
    for backend in (Backend.CPU, Backend.CUDA):
        yield _compilers(backend)


def _compilers(backend: Backend) -> Check:
    what = f"builds for {backend}"
    try:
        found = Toolchain.find(backend, os.environ)
    except UsageError as error:
        return Check(what, State.FAILS if backend is backend_of(None) else State.LACKS, str(error))
    return Check(what, State.WORKS, "; ".join(line.partition("\n")[0] for line in found.compilers))


async def _of_the_sandbox() -> list[Check]:
    """A zygote, and the strictest tier that works under it, on the first device."""
    backend = backend_of(None)
    device = inventory(environ=os.environ)[0]
    try:
        async with Zygote(preload=preloaded(backend)) as zygote:
            found = await probe(zygote, devices=nodes_of(device), env=_device_environment(device))
    except CaesarError as error:
        return [Check("sandbox", State.FAILS, str(error))]
    return [_tier(found), *(Check(f"tier {tier}", State.LACKS, why) for tier, why in found.refused.items())]


def _tier(found: Probe) -> Check:
    text = f"candidates run in tier {found.tier}{f' ({found.remark})' if found.remark else ''}"
    if found.tier.value == "none":
        return Check("sandbox", State.LACKS, text, "run only models that you trust here (docs/security.md)")
    return Check("sandbox", State.WORKS, text)


def _device_environment(device: Device) -> dict[str, str]:
    return {} if device.index is None else {"CUDA_VISIBLE_DEVICES": device.id}


def _of_the_rest() -> Iterator[Check]:
    yield _folder("build cache", cache_folder())
    try:
        yield Check("device locks", State.WORKS, str(prepare_folder(lock_folder())))
    except CaesarError as error:
        yield Check("device locks", State.FAILS, str(error))
    for name in _PACKAGES:
        try:
            yield Check(name, State.WORKS, version(name))
        except PackageNotFoundError:
            yield Check(
                name,
                State.LACKS,
                "is not installed",
                f"pip install {name} where models run or reports are made",
            )


def _kernelbench(root: Path | None, gpus: Gpus) -> Check:
    """KernelBench and the interpreter that is to run it, which is asked in a process of its own."""
    try:
        found = find_installation(os.environ, root=root)
        python = found.python or Path(sys.executable)
        _, told = asked(python, found.package, os.environ)
    except UsageError as error:
        return Check("kernelbench", State.LACKS, str(error))
    runs = f"{found.version} of {found.package}, by {python} (Python {told.python}, torch {told.torch})"
    return Check("kernelbench", State.WORKS, runs if gpus.devices else f"{runs}; it judges on GPUs only")


def _folder(what: str, folder: Path) -> Check:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return Check(what, State.FAILS, f"{folder} can't be written ({error.strerror})", "set CAESAR_CACHE")
    free = shutil.disk_usage(folder).free
    return Check(what, State.WORKS, f"{folder}, {free / (1 << 30):.0f} GiB free")
