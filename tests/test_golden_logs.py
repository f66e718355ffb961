"""Logs as released versions wrote them: they have to be read, verified and folded for ever.

Each file of tests/golden holds one store's envelopes, a JSON object a line, as the version in its name
wrote them; NAME.texts.json, where it is there, the texts that they name, by digest. They are never
rewritten: a new kind of event, or a new version of one, adds a file.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caesar.engine.fork import Read, read_trajectory
from caesar.engine.plan import fold_run
from caesar.engine.replay import replay
from caesar.engine.resume import pinned
from caesar.engine.today import today
from caesar.events import Envelope, canonical, chain, kinds, root
from caesar.fsm.trajectory import Status

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.jsonl"))
REPLAYED = [file for file in GOLDEN if file.with_suffix(".texts.json").exists()]
"""Those that have the texts that their events name beside them."""


def envelopes(file: Path) -> list[Envelope]:
    return [
        Envelope(**{**fields, "body": fields["body"].encode()})
        for fields in map(json.loads, file.read_text().splitlines())
    ]


def streams(file: Path) -> dict[str, list[Envelope]]:
    grouped: dict[str, list[Envelope]] = {}
    for envelope in envelopes(file):
        grouped.setdefault(envelope.stream, []).append(envelope)
    return grouped


def reading(found: dict[str, list[Envelope]]) -> Read:
    return lambda stream, *, upto=None: found[stream][:upto]


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_every_event_is_read_and_its_chain_holds(file):
    for stream, history in streams(file).items():
        previous = root(history[0].event)
        for version, envelope in enumerate(history, start=1):
            digest = chain(
                previous,
                stream=stream,
                version=version,
                kind=envelope.kind,
                v=envelope.v,
                recorded_at_us=envelope.recorded_at_us,
                body=envelope.body,
            )
            assert (version, previous, digest) == (envelope.version, envelope.previous, envelope.digest)
            assert isinstance(envelope.event, kinds()[envelope.kind])
            previous = digest


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_events_of_the_present_version_still_have_the_same_bytes(file):
    for envelope in envelopes(file):
        if envelope.v == kinds()[envelope.kind].v:
            assert envelope.body == canonical(envelope.event)


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_every_stream_folds_to_where_it_ended(file):
    found = streams(file)
    for stream, history in found.items():
        if "/" in stream:
            assert Status.FINISHED is read_trajectory(reading(found), stream).status
        else:
            assert fold_run(history).finished


@pytest.mark.parametrize("file", REPLAYED, ids=lambda file: file.stem)
def test_every_trajectory_is_derived_again_byte_for_byte_with_the_templates_it_pinned(file):
    """A release that decides, renders or extracts otherwise than the one that wrote the log fails here."""
    found, known = streams(file), json.loads(file.with_suffix(".texts.json").read_text())

    def texts(digests):
        return {digest: known[digest] for digest in digests}

    for name in [stream for stream in found if "/" not in stream]:
        run = fold_run(found[name])
        pins = pinned(run, texts)
        now = today(run, pins, spec=None, templates=pins.templates)
        for stream in (stream for stream in found if stream.startswith(f"{name}/")):
            assert replay(now, stream, read=reading(found), texts=texts).divergence is None


def test_every_version_of_every_kind_that_was_released_is_in_some_log():
    written = {(envelope.kind, envelope.v) for file in GOLDEN for envelope in envelopes(file)}

    assert {(kind, v) for kind, event in kinds().items() for v in range(1, event.v + 1)} <= written
