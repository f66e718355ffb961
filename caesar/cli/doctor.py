"""`caesar doctor`: what works on this machine, and what to do about what does not."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from caesar.builders.toolchain import Toolchain
from caesar.cli.files import cache_folder, lock_folder
from caesar.cli.machinery import backend_of, preloaded
from caesar.cli.output import emit_json, emit_rows
from caesar.devices.folder import prepare_folder
from caesar.devices.inventory import Device, find_gpus, inventory, nodes_of
from caesar.effects import Backend
from caesar.errors import CaesarError, UsageError
from caesar.evaluators.kernelbench import find_installation
from caesar.sandbox.probe import Probe, probe
from caesar.sandbox.zygote import Zygote

__all__ = ["doctor_command"]

_WORKS, _LACKS, _FAILS = "works", "lacks", "fails"
_PACKAGES = ("litellm", "duckdb", "pyarrow")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    what: str
    state: str
    """works, lacks (something optional is missing), fails (runs can't be made without it)."""
    found: str
    advice: str | None = None
    """What to do about it, where something is to be done."""


def doctor_command(*, kernelbench: Path | None, json: bool) -> int:
    """Look at everything; 0 where runs can be made here, 1 where something needed fails."""
    checks = [*_of_the_machine(), *_of_the_tools(), *asyncio.run(_of_the_sandbox()), *_of_the_rest(kernelbench)]
    if json:
        emit_json([asdict(check) for check in checks])
    else:
        rows = [(check.what, check.state, _line(check)) for check in checks]
        emit_rows(("what", "state", "found"), rows, right=(False, False, False))
    return 1 if any(check.state == _FAILS for check in checks) else 0


def _line(check: Check) -> str:
    return check.found if check.advice is None else f"{check.found}; {check.advice}"


def _of_the_machine() -> Iterator[Check]:
    yield Check("python", _WORKS, platform.python_version())
    gpus = find_gpus(os.environ)
    if gpus.devices:
        for device in gpus.devices:
            yield Check("gpu", _WORKS, f"{device.name} ({device.id}), compute capability {device.arch}")
    else:
        reason = gpus.reason or "nvidia-smi lists none"
        yield Check("gpu", _LACKS, reason, "runs here use the backend cpu")


def _of_the_tools() -> Iterator[Check]:
    try:
        yield Check("torch", _WORKS, version("torch"))
    except PackageNotFoundError:
        yield Check("torch", _FAILS, "is not installed", "pip install torch")
    for backend in (Backend.CPU, Backend.CUDA):
        yield _compilers(backend)


def _compilers(backend: Backend) -> Check:
    what = f"builds for {backend}"
    try:
        found = Toolchain.find(backend, os.environ)
    except UsageError as error:
        return Check(what, _FAILS if backend is backend_of(None) else _LACKS, str(error))
    return Check(what, _WORKS, "; ".join(line.partition("\n")[0] for line in found.compilers))


async def _of_the_sandbox() -> list[Check]:
    """A zygote, and the strictest tier that works under it, on the first device."""
    backend = backend_of(None)
    device = inventory(environ=os.environ)[0]
    try:
        async with Zygote(preload=preloaded(backend)) as zygote:
            found = await probe(zygote, devices=nodes_of(device), env=_device_environment(device))
    except CaesarError as error:
        return [Check("sandbox", _FAILS, str(error))]
    return [_tier(found), *(Check(f"tier {tier}", _LACKS, why) for tier, why in found.refused.items())]


def _tier(found: Probe) -> Check:
    text = f"candidates run in tier {found.tier}{f' ({found.remark})' if found.remark else ''}"
    if found.tier.value == "none":
        return Check("sandbox", _LACKS, text, "run only models that you trust here (docs/security.md)")
    return Check("sandbox", _WORKS, text)


def _device_environment(device: Device) -> dict[str, str]:
    return {} if device.index is None else {"CUDA_VISIBLE_DEVICES": device.id}


def _of_the_rest(kernelbench: Path | None) -> Iterator[Check]:
    yield _kernelbench(kernelbench)
    yield _folder("build cache", cache_folder())
    try:
        yield Check("device locks", _WORKS, str(prepare_folder(lock_folder())))
    except CaesarError as error:
        yield Check("device locks", _FAILS, str(error))
    for name in _PACKAGES:
        try:
            yield Check(name, _WORKS, version(name))
        except PackageNotFoundError:
            yield Check(
                name, _LACKS, "is not installed", f"pip install {name} where models run or reports are made"
            )


def _kernelbench(root: Path | None) -> Check:
    try:
        found = find_installation(os.environ, root=root)
    except UsageError as error:
        return Check("kernelbench", _LACKS, str(error))
    return Check("kernelbench", _WORKS, found.version)


def _folder(what: str, folder: Path) -> Check:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return Check(what, _FAILS, f"{folder} can't be written ({error.strerror})", "set CAESAR_CACHE")
    free = shutil.disk_usage(folder).free
    return Check(what, _WORKS, f"{folder}, {free / (1 << 30):.0f} GiB free")
