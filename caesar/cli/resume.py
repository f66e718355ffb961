"""`caesar resume`: the same as the same `caesar run` again, from what the store has pinned."""

from __future__ import annotations

from caesar.cli.look import open_store, require_run
from caesar.cli.options import CommonOptions
from caesar.cli.prepare import prepare
from caesar.cli.run import run_prepared
from caesar.engine.resume import pinned

__all__ = ["resume_command"]


def resume_command(name: str, options: CommonOptions) -> int:
    """Continue a run; the exit status."""
    with open_store(options.store) as log:
        run = require_run(log, name)
        found = pinned(run, log.texts)
    prepared = prepare(
        found.spec,
        found.problems,
        options,
        name=run.name,
        group=run.group,
        templates=found.templates,
        forked=run.forked,
    )
    return run_prepared(prepared)
