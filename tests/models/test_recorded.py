import asyncio
import json

import pytest
from contracts.model import ModelContract, a_generate
from hypothesis import given
from hypothesis import strategies as st

from caesar.domain import Usage
from caesar.effects import Backend, Generated
from caesar.errors import Fault, UsageError
from caesar.models.recorded import Header, RecordedModel, Recorder, read_recording
from caesar.models.scripted import ScriptedModel

HEADER = {"caesar_recording": 1, "spec": "last_only", "backend": "cpu", "model": "a-model", "made": "by hand"}


def a_line(text="a text", *, problem="1", sample=0, turn=1, **more):
    return {"problem": problem, "sample": sample, "turn": turn, "text": text, **more}


def write(file, *lines, header=HEADER):
    file.write_text("".join(f"{json.dumps(line)}\n" for line in (header, *lines)))
    return file


def a_header(**changes):
    facts = {"spec": "last_only", "backend": Backend.CPU, "model": "a-model", "made": "in a test"}
    return Header(caesar_recording=1, **facts | changes)


def ask(model, **request):
    return asyncio.run(model.generate(a_generate(**request)))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "completions.jsonl"


class TestRecordedModel(ModelContract):
    @pytest.fixture
    def model(self, file):
        return RecordedModel(write(file, a_line("first"), a_line("second", turn=2)))

    def make_model(self):
        raise NotImplementedError


class TestRecorder(ModelContract):
    @pytest.fixture
    def model(self, file):
        return Recorder(ScriptedModel(["first", "second"]), file, header=a_header())

    def make_model(self):
        raise NotImplementedError


def test_a_completion_is_found_by_problem_sample_and_turn_alone(file):
    lines = [a_line(f"{p}{s}{t}", problem=p, sample=s, turn=t) for p in "12" for s in (0, 1) for t in (1, 2)]
    model = RecordedModel(write(file, *lines))

    texts = [ask(model, problem="2", sample=1, turn=1, seed=seed).text for seed in (1, 2)]

    assert ["211", "211"] == texts


def test_usage_and_the_other_facts_are_replayed_as_recorded(file):
    facts = {"usage": {"input_tokens": 3, "output_tokens": 4, "usd": 0.5}, "finish_reason": "stop"}

    model = RecordedModel(write(file, a_line("a text", reasoning="because", **facts)))

    assert Generated("a text", Usage(3, 4, 0.5), "a-model", "stop", "because") == ask(model)


def test_of_several_lines_with_one_key_the_last_counts(file):
    model = RecordedModel(write(file, a_line("old"), a_line("other", turn=2), a_line("new")))

    assert "new" == ask(model).text


@pytest.mark.parametrize(
    ("request_", "held"),
    [
        ({"turn": 3}, "problem 1, sample 0, turn 3: its turns end at 2"),
        ({"sample": 1}, "problem 1, sample 1, turn 1: of this problem it holds sample 0"),
        ({"problem": "9"}, "problem 9, sample 0, turn 1: it holds the problems 1"),
    ],
)
def test_running_out_is_a_permanent_fault_that_says_what_there_is(file, request_, held):
    model = RecordedModel(write(file, a_line(), a_line(turn=2)))

    with pytest.raises(Fault, match=held) as raised:
        ask(model, **request_)

    assert ("model", True) == (raised.value.kind, raised.value.permanent)
    assert "completions.jsonl" in str(raised.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "it is empty"),
        ('{"spec": "s"}\n', "completions.jsonl:1: not a line of a recording"),
        (json.dumps(HEADER | {"caesar_recording": 2}) + "\n", "completions.jsonl:1: "),
        (json.dumps(HEADER) + "\n" + json.dumps(a_line()) + '\n{"problem":', "completions.jsonl:3: "),
        (json.dumps(HEADER) + "\n" + json.dumps(a_line(turn=0)) + "\n", "completions.jsonl:2: .*>= 1"),
        (json.dumps(HEADER) + "\n" + json.dumps(a_line(turns=2)) + "\n", "completions.jsonl:2: .*turns"),
    ],
)
def test_preflight_names_the_line_that_is_no_line_of_a_recording(file, content, complaint):
    file.write_text(content)

    with pytest.raises(UsageError, match=complaint):
        RecordedModel(file).preflight()


def test_a_missing_recording_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere\.jsonl can't be read"):
        RecordedModel(tmp_path / "nowhere.jsonl").preflight()


def test_what_a_recorder_wrote_is_replayed_alike(file):
    recorder = Recorder(ScriptedModel(["first", "second"], name="m"), file, header=a_header())
    recorder.preflight()

    said = [ask(recorder, problem="3", sample=2, turn=turn) for turn in (1, 2)]

    replayed = [ask(RecordedModel(file), problem="3", sample=2, turn=turn) for turn in (1, 2)]
    assert said == replayed
    assert a_header() == read_recording(file).header


def test_a_recorder_continues_a_recording_of_the_same_making(file):
    for text in ("old", "new"):
        recorder = Recorder(ScriptedModel([text]), file, header=a_header())
        recorder.preflight()
        ask(recorder)

    assert "new" == ask(RecordedModel(file)).text
    assert 3 == len(file.read_text().splitlines())


@pytest.mark.parametrize("change", [{"spec": "other"}, {"backend": Backend.CUDA}, {"model": "other"}])
def test_a_recorder_refuses_a_file_of_another_making(file, change):
    write(file, a_line())

    with pytest.raises(UsageError, match="record to another file"):
        Recorder(ScriptedModel([]), file, header=a_header(**change)).preflight()


def test_a_recorder_refuses_a_file_whose_last_line_is_open(file):
    file.write_text(json.dumps(HEADER))

    with pytest.raises(UsageError, match="does not end its last line"):
        Recorder(ScriptedModel([]), file, header=a_header()).preflight()


def test_a_recorder_that_cannot_write_says_so_before_anything_is_asked(tmp_path):
    with pytest.raises(UsageError, match="can't be written"):
        Recorder(ScriptedModel([]), tmp_path, header=a_header()).preflight()


def test_a_completion_that_cannot_be_recorded_is_a_fault_not_the_models(tmp_path):
    recorder = Recorder(ScriptedModel(["first"]), tmp_path, header=a_header())

    with pytest.raises(Fault, match="can't be written") as raised:
        ask(recorder)

    assert ("internal", True) == (raised.value.kind, raised.value.permanent)


def test_faults_are_not_recorded(file):
    recorder = Recorder(ScriptedModel([]), file, header=a_header())
    recorder.preflight()

    with pytest.raises(Fault):
        ask(recorder)

    assert {} == read_recording(file).completions


@given(
    text=st.text(st.characters(exclude_categories=["Cs"])),
    tokens=st.integers(0, 1 << 40),
    usd=st.none() | st.floats(0, 1e6),
    reasoning=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
)
def test_every_completion_survives_being_recorded(tmp_path_factory, text, tokens, usd, reasoning):
    said = Generated(text, Usage(tokens, tokens, usd), "m", None, reasoning)
    file = tmp_path_factory.mktemp("recorded") / "completions.jsonl"

    class Saying:
        def preflight(self):
            pass

        async def generate(self, generate):
            return said

    ask(Recorder(Saying(), file, header=a_header()))

    assert said == ask(RecordedModel(file))
