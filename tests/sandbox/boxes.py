"""A zygote and the tiers that hold on this machine, for tests that run in each of them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from caesar.sandbox.box import Box, Tier
from caesar.sandbox.job import Ended, Job
from caesar.sandbox.probe import Probe, probe
from caesar.sandbox.zygote import Zygote

CANARY = "canary-8c1d"


class Boxes:
    """Runs targets of hostile_targets in boxes."""

    def __init__(self, runner: asyncio.Runner, zygote: Zygote) -> None:
        self.runner, self.zygote = runner, zygote

    def run(self, target: str, payload: bytes = b"", *, box: Box, folder: Path, **changes) -> Ended:
        fields = {"limit_s": 30.0, "output_bytes": 1 << 20, **changes}
        job = Job(f"hostile_targets:{target}", payload, folder, box=box, **fields)
        return self.runner.run(self.zygote.run(job))

    def attempts(self, *expressions: str, box: Box, folder: Path, **changes) -> list[str]:
        """What came of each expression: what it got, or its error's name."""
        ended = self.run("attempts", json.dumps(expressions).encode(), box=box, folder=folder, **changes)
        assert ended.replies, ended.output
        return json.loads(ended.replies[0])

    @cache  # noqa: B019 - one for each module
    def probed(self, tier: Tier) -> Probe:
        return self.runner.run(probe(self.zygote, tiers=(tier,)))


@contextmanager
def opened(*, preload: tuple[str, ...] = ("json",)) -> Iterator[Boxes]:
    zygote = Zygote(preload=preload, env={**os.environ, "OPENAI_API_KEY": CANARY})
    with asyncio.Runner() as runner:
        runner.run(zygote.__aenter__())
        yield Boxes(runner, zygote)
        runner.run(zygote.__aexit__(None, None, None))
