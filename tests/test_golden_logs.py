"""Logs as released versions wrote them: they have to be read, verified and folded for ever.

Each file of tests/golden holds one store's envelopes, a JSON object a line, as the version in its name
wrote them. They are never rewritten; a new version of an event kind adds a file.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caesar.engine.plan import fold_run
from caesar.events import GENESIS, Envelope, canonical, chain, kinds
from caesar.fsm.trajectory import Status, fold

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.jsonl"))


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


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_every_event_is_read_and_its_chain_holds(file):
    for stream, history in streams(file).items():
        previous = GENESIS
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
    for stream, history in streams(file).items():
        if "/" in stream:
            assert Status.FINISHED is fold(stream, history).status
        else:
            assert fold_run(history).finished


def test_every_kind_that_there_is_lies_in_some_golden_log():
    assert set(kinds()) == {envelope.kind for file in GOLDEN for envelope in envelopes(file)}
