"""`caesar resume`: the same as the same `caesar run` again, from what the store has pinned."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from caesar.cli.look import open_store, require_run
from caesar.cli.machinery import backend_of, choose_devices
from caesar.cli.run import Prepared, checked_problems, run_prepared
from caesar.engine.plan import Configuration
from caesar.engine.resume import pinned
from caesar.evaluators.verdicts import VERSION
from caesar.models.resolve import open_model

__all__ = ["resume_command"]


def resume_command(name: str, *, devices: tuple[str, ...], store: Path, root: Path, json: bool) -> int:
    """Continue a run; the exit status."""
    with open_store(store) as log:
        run = require_run(log, name)
        found = pinned(run, log.texts)
    backend = backend_of(found.spec.backend)
    model = open_model(
        found.spec.model, spec_name=found.spec.name, backend=backend, record=None, relative_to=Path.cwd()
    )
    model.preflight()
    configuration = Configuration(
        name=run.name,
        group=run.group,
        spec=found.spec,
        problems=checked_problems(found.problems),
        templates=found.templates,
        evaluator=VERSION,
        caesar=version("caesar"),
        provenance=model.provenance,
        forked=run.forked,
    )
    chosen = choose_devices(backend, devices)
    return run_prepared(Prepared(configuration, backend, chosen, model, store, root, json))
