"""What can be checked of a run before anything starts: the same for a new one, a resumed one and a fork."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from caesar.cli.cluster import RAY, is_ray
from caesar.cli.machinery import backend_of, choose_devices, kernelbench_for
from caesar.cli.options import CommonOptions
from caesar.devices.inventory import Device
from caesar.domain import Problem
from caesar.effects import Backend
from caesar.engine.plan import Configuration
from caesar.errors import UsageError
from caesar.evaluators.chosen import version_of
from caesar.evaluators.installation import Installation
from caesar.events import RunForked
from caesar.fsm.spec import Spec
from caesar.models.resolve import open_model
from caesar.ports import Model
from caesar.problems.suites import missing_packages

__all__ = ["Prepared", "prepare"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run as it is to be made, and what it is made with."""

    configuration: Configuration
    backend: Backend
    devices: tuple[Device, ...]
    model: Model
    kernelbench: Installation | None
    """What judges beside ours or in its stead; None where the spec asks for neither."""
    options: CommonOptions


def prepare(
    spec: Spec,
    problems: tuple[Problem, ...],
    options: CommonOptions,
    *,
    name: str,
    group: str,
    templates: Mapping[str, str],
    record: Path | None = None,
    forked: RunForked | None = None,
) -> Prepared:
    """The spec on the problems, with devices, model and judges found; UsageError where one can't be had.

    The evaluator's version, which the run pins, is that of all the judges that the spec names.
    """
    backend = backend_of(spec.backend)
    spec = replace(spec, backend=backend)
    on_ray = is_ray(options.devices, judge=spec.evaluation.judge, exclusive=options.exclusive)
    kernelbench = kernelbench_for(spec.evaluation.judge, backend, root=options.kernelbench)
    devices = (RAY,) if on_ray else choose_devices(backend, options.devices)
    model = open_model(spec.model, spec_name=spec.name, backend=backend, record=record, relative_to=Path.cwd())
    model.preflight()
    configuration = Configuration(
        name=_plain_name(name, flag="--name"),
        group=_plain_name(group, flag="--group"),
        spec=spec,
        problems=_checked_problems(problems),
        templates=templates,
        evaluator=version_of(kernelbench),
        caesar=version("caesar"),
        device_name=devices[0].name,
        provenance=model.provenance,
        forked=forked,
    )
    return Prepared(configuration, backend, devices, model, kernelbench, options)


def _plain_name(name: str, *, flag: str) -> str:
    """A name that is safe as a folder's, in a terminal and in a lock file's name."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{flag} {name[:80]!r}: a name is 1 to 64 letters, digits, dots, dashes and underscores,"
            " and begins with a letter or a digit"
        )
    return name


def _checked_problems(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """The problems; UsageError where one needs a package that is not installed."""
    for problem in problems:
        missing = missing_packages(problem)
        if missing:
            wanted = ", ".join(missing)
            raise UsageError(
                f"problem {problem.suite}/{problem.id} needs the package {wanted}, which is not installed;"
                " install it, or leave the problem out with --ids"
            )
    return problems
