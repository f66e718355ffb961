"""Candidates as models write them, built with the slim headers and run.

Building with the real headers takes half a minute of CPU: here a sample of them is compared bit for bit, and
all of them by `benchmarks/build.py --real 99`.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from caesar.builders import pieces, workshop
from caesar.builders.inline import InlineBuilder
from caesar.builders.prelude import may_suffice
from caesar.builders.workshop import SLIM
from caesar.domain import BuildOutcome, Candidate, Problem
from caesar.effects import Backend, Build, Built, Limits, Request
from caesar.sandbox.job import Job
from caesar.sandbox.zygote import Zygote

pytestmark = pytest.mark.slow

CORPUS = Path(__file__).parent / "corpus"
SERVED = [
    path for path in sorted((CORPUS / "cpu").glob("*.py")) if may_suffice([path.read_text()], SLIM / "standins")
]
COMPARED = ("batch_norm_optional", "reduced_precision")
QUICK = ("python_syntax", "no_model", "fails_at_import", "name_is_no_identifier")


class Site:
    """A builder whose cache lasts for all tests here: the slim headers' library takes a minute to compile."""

    def __init__(self, runner: asyncio.Runner, zygote: Zygote, cache: Path) -> None:
        self.runner, self.zygote = runner, zygote
        self.builder = InlineBuilder(cache=cache, zygote=zygote, arch=None)

    def outputs(self, built: Built, path: Path, folder: Path) -> tuple[bytes, bytes]:
        """Whether a candidate computes what it should, and the digest of what it computed."""
        payload = json.dumps([built.artifact, path.read_text()]).encode()
        job = Job("build_targets:compute", payload, folder, limit_s=120, output_bytes=100_000)
        ended = self.runner.run(self.zygote.run(job))
        assert 2 == len(ended.replies), ended.output
        return ended.replies[0], ended.replies[1]

    def build(self, path: Path) -> Built:
        source = path.read_text()
        problem = Problem("corpus", path.stem, path.stem, source if "get_init_inputs" in source else "")
        request = Build(
            Request("run/1/0", 1, 0, "build"), Candidate(source), Backend.CPU, Limits(), problem=problem
        )
        return self.runner.run(self.builder.build(request))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    zygote = Zygote()
    with asyncio.Runner() as runner:
        runner.run(zygote.__aenter__())
        yield Site(runner, zygote, tmp_path_factory.mktemp("corpus") / "cache")
        runner.run(zygote.__aexit__(None, None, None))


def test_most_of_the_corpus_is_served_by_slim_headers():
    everything = [*(CORPUS / "cpu").glob("*.py"), *(CORPUS / "cuda").glob("*.py")]
    served = [path for path in everything if may_suffice([path.read_text()], SLIM / "standins")]

    assert len(everything) >= 60
    assert len(served) >= 0.9 * len(everything)


@pytest.mark.parametrize("path", SERVED, ids=lambda path: path.stem)
def test_a_candidate_is_built_with_slim_headers_and_computes_what_it_should(site, path, tmp_path):
    built = site.build(path)
    close, _digest = site.outputs(built, path, tmp_path)

    assert (BuildOutcome.BUILT, "slim") == (built.outcome, built.headers), built.log
    assert b"True" == close


@pytest.mark.parametrize("name", COMPARED)
def test_a_candidate_computes_the_same_to_the_last_bit_with_the_real_headers(site, name, tmp_path, monkeypatch):
    path = CORPUS / "cpu" / f"{name}.py"
    slim = site.build(path)
    monkeypatch.setattr(workshop, "may_suffice", lambda *_texts: False)
    real = Site(site.runner, site.zygote, tmp_path / "cache").build(path)

    assert ("slim", "real") == (slim.headers, real.headers)
    assert site.outputs(slim, path, tmp_path) == site.outputs(real, path, tmp_path)


def test_flags_that_no_header_can_be_precompiled_with_fail_the_build_and_are_no_fault(site, monkeypatch):
    monkeypatch.setattr(pieces, "_CHECKS_WITHOUT", 0)

    built = site.build(CORPUS / "broken" / "unknown_architecture.py")

    assert (BuildOutcome.FAILED, "compiler_error") == (built.outcome, built.reason)
    assert "march=" in built.log
    assert "precompiled" not in built.log


@pytest.mark.parametrize("name", QUICK)
def test_a_broken_candidate_fails_for_the_reason_it_names(site, name):
    path = CORPUS / "broken" / f"{name}.py"
    _expected, reason, mention = (part.strip() for part in path.read_text().splitlines()[0].split(":", 2))

    built = site.build(path)

    assert reason == built.reason
    assert mention in built.log
