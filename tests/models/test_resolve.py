import asyncio
import json

import pytest
from contracts.model import a_generate

from caesar.effects import Backend, ModelSettings
from caesar.errors import UsageError
from caesar.models.litellm import LiteLlmModel
from caesar.models.recorded import RecordedModel, Recorder, read_recording
from caesar.models.resolve import open_model
from caesar.models.scripted import ScriptedModel


def opened(name, folder, *, spec_name="last_only", record=None):
    return open_model(
        ModelSettings(name), spec_name=spec_name, backend=Backend.CPU, record=record, relative_to=folder
    )


@pytest.mark.parametrize("name", ["gpt-4o", "openai/x", "ollama/llama3:8b", "recorder/x"])
def test_any_other_name_is_litellms(tmp_path, name):
    assert isinstance(opened(name, tmp_path), LiteLlmModel)


def test_a_script_is_found_below_the_given_folder(tmp_path):
    (tmp_path / "script.yaml").write_text("[hello]")

    model = opened("scripted:script.yaml", tmp_path)

    assert isinstance(model, ScriptedModel)
    assert "hello" == asyncio.run(model.generate(a_generate())).text


def test_a_recording_is_found_below_the_given_folder(tmp_path):
    header = {"caesar_recording": 1, "spec": "s", "backend": "cpu", "model": "m", "made": "by hand"}
    (tmp_path / "made.jsonl").write_text(f"{json.dumps(header)}\n")

    model = opened("recorded:made.jsonl", tmp_path)

    assert isinstance(model, RecordedModel)
    assert model.preflight() is None


def test_what_was_not_recorded_for_the_starter_suite_is_a_usage_error_that_says_so(tmp_path):
    with pytest.raises(
        UsageError, match=r"no recording of the spec never_recorded for the backend cpu \(it has "
    ):
        opened("recorded/starter", tmp_path, spec_name="never_recorded")


@pytest.mark.parametrize("name", ["recorded", "recorded/level1", "scripted/x", "scripted"])
def test_a_half_written_name_is_a_usage_error_that_shows_the_whole_forms(tmp_path, name):
    with pytest.raises(UsageError, match="write recorded/starter, recorded:FILE or scripted:FILE"):
        opened(name, tmp_path)


@pytest.mark.parametrize("kind", ["recorded", "scripted"])
def test_the_home_of_nobody_is_a_usage_error(tmp_path, kind):
    with pytest.raises(UsageError, match=r"~nobody-here/x.yaml: there is no such home folder"):
        opened(f"{kind}:~nobody-here/x.yaml", tmp_path)


def test_recording_wraps_the_model_and_says_whose_words_they_are(tmp_path):
    (tmp_path / "script.yaml").write_text("[hello]")

    model = opened("scripted:script.yaml", tmp_path, record=tmp_path / "made.jsonl")
    asyncio.run(model.generate(a_generate()))

    assert isinstance(model, Recorder)
    header = read_recording(tmp_path / "made.jsonl").header
    assert ("last_only", "cpu", "scripted:script.yaml") == (header.spec, header.backend, header.model)


def test_a_starter_recording_is_found_by_the_specs_name_and_the_backend(tmp_path, monkeypatch):
    folder = tmp_path / "problems" / "starter" / "recordings"
    folder.mkdir(parents=True)
    header = {"caesar_recording": 1, "spec": "s", "backend": "cpu", "model": "m", "made": "by hand"}
    for name in ("last_only.cpu", "last_only.cuda"):
        line = {"problem": "1", "sample": 0, "turn": 1, "text": name}
        (folder / f"{name}.jsonl").write_text(f"{json.dumps(header)}\n{json.dumps(line)}\n")
    monkeypatch.setattr("caesar.models.resolve.files", lambda package: tmp_path)

    model = opened("recorded/starter", tmp_path)

    assert "last_only.cpu" == asyncio.run(model.generate(a_generate())).text
    with pytest.raises(UsageError, match=r"\(it has last_only\.cpu, last_only\.cuda\)"):
        opened("recorded/starter", tmp_path, spec_name="all_prev")
