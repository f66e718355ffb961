import time

import pytest
import torch
from evaluation_cases import CANDIDATE, QUICK, REFERENCE, returning

from caesar.domain import Finding, Mismatch
from caesar.evaluators.child import main
from caesar.evaluators.protocol import (
    STAGES,
    Assignment,
    Cause,
    Differs,
    Noticed,
    Prepared,
    Reached,
    Timed,
    Tried,
    Unusable,
    decode_frame,
    encode,
)


@pytest.fixture
def frames_of(tmp_path, monkeypatch):
    """What a child says about a candidate, in this process."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()

    def judge(candidate=CANDIDATE, *, reference=REFERENCE, settings=QUICK, limit_s=60.0, cuda=False):
        replies = []
        assignment = Assignment(reference, candidate, settings, cuda=cuda, limit_s=limit_s)
        main(encode(assignment), replies.append)
        return [decode_frame(reply) for reply in replies]

    yield judge
    torch.set_num_threads(threads)


def findings(frames):
    return [frame.finding for frame in frames if isinstance(frame, Noticed)]


def both(change, *, reference=REFERENCE):
    """A reference and an equal candidate, both changed."""
    changed = change(reference)
    return {"reference": changed, "candidate": changed.replace("class Model(", "class ModelNew(")}


def test_an_equal_candidate_goes_through_every_stage_and_is_timed(frames_of):
    frames = frames_of()

    assert list(STAGES) == [frame.stage for frame in frames if isinstance(frame, Reached)]
    assert 2 == frames.count(Tried())
    assert Prepared("copied") in frames
    assert 3 == len(frames[-1].candidate_ms)
    assert [] == findings(frames)


def test_wrong_values_end_the_evaluation_at_the_first_trial(frames_of):
    frames = frames_of(returning("torch.relu(self.linear(x)) + 1"))

    assert isinstance(frames[-1], Differs)
    assert ("values", 1.0) == (frames[-1].mismatch.kind, frames[-1].mismatch.wrong_share)
    assert 0 == frames.count(Tried())


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("torch.relu(self.linear(x))[:2]", "shape"),
        ("torch.relu(self.linear(x)).double()", "dtype"),
        ("(torch.relu(self.linear(x)), x)", "count"),
        ("torch.relu(self.linear(x)).tolist()", "count"),
        ("None", "type"),
        ("torch.relu(self.linear(x)) * float('nan')", "values"),
    ],
)
def test_wrong_forms_of_output_are_told_apart(frames_of, expression, kind):
    frames = frames_of(returning(expression))

    assert kind == frames[-1].mismatch.kind


def test_several_outputs_are_compared(frames_of):
    reference = REFERENCE.replace("torch.relu(self.linear(x))", "(x, {'y': torch.relu(self.linear(x))})")
    candidate = returning("(x, {'y': self.linear(x)})")

    frames = frames_of(candidate, reference=reference)

    assert 1 == frames[-1].mismatch.output


def test_parameters_drawn_in_another_order_are_copied_by_name(frames_of):
    candidate = CANDIDATE.replace("self.linear =", "torch.randn(3)\n        self.linear =")

    frames = frames_of(candidate)

    assert Prepared("copied") in frames
    assert isinstance(frames[-1], Timed)


def test_parameters_of_other_names_are_seeded_alike(frames_of):
    frames = frames_of(CANDIDATE.replace("self.linear", "self.other"))

    assert Prepared("seeded") in frames
    assert isinstance(frames[-1], Timed)


def test_dropout_draws_the_same_for_both(frames_of):
    frames = frames_of(**both(lambda source: source.replace("torch.relu(", "nn.functional.dropout(")))

    assert isinstance(frames[-1], Timed)


def test_integer_inputs_keep_their_type(frames_of):
    change = {
        "[torch.rand(4, 8) - 0.5]": "[torch.tensor([1, 2, 3])]",
        "torch.relu(self.linear(x))": "nn.functional.one_hot(x, 5)",
    }

    def changed(source):
        for old, new in change.items():
            source = source.replace(old, new)
        return source

    frames = frames_of(**both(changed))

    assert isinstance(frames[-1], Timed)


def test_changing_an_input_is_noticed_and_does_not_reach_the_reference(frames_of):
    frames = frames_of(returning("torch.relu(self.linear(x)) + 0 * x.zero_()"))

    assert [Finding("input_mutated", "the candidate changed input[0]")] == findings(frames)
    assert isinstance(frames[-1], Timed)


def test_a_reference_with_infinite_values_is_noticed(frames_of):
    frames = frames_of(
        **both(lambda source: source.replace("torch.relu(", "(1 / torch.zeros(1)) + torch.relu("))
    )

    assert ["reference_nonfinite"] == [finding.kind for finding in findings(frames)]
    assert isinstance(frames[-1], Timed)


def test_no_trial_repeats_the_inputs_of_another(frames_of, tmp_path):
    candidate = returning("[open('seen', 'a').write(f'{x.sum().item()}\\n'), torch.relu(self.linear(x))][1]")

    frames_of(candidate)
    frames_of(candidate)

    seen = (tmp_path / "seen").read_text().split()
    assert 4 == len({*seen[:2], *seen[len(seen) // 2 :][:2]})


def test_a_candidate_that_stops_working_when_timed_is_incorrect(frames_of):
    lazy = CANDIDATE.replace(
        "return torch.relu",
        "self.calls = getattr(self, 'calls', 0) + 1\n        return (self.calls < 4) * torch.relu",
    )

    frames = frames_of(lazy)

    assert frames[-1].timed
    assert "values" == frames[-1].mismatch.kind


def test_the_clock_that_counts_can_not_be_replaced(frames_of, monkeypatch):

    monkeypatch.setattr(time, "perf_counter", time.perf_counter)
    candidate = "import time\ntime.perf_counter = lambda: 0.0\n" + CANDIDATE

    frames = frames_of(candidate)

    assert min(frames[-1].candidate_ms) > 0


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("x = (", "SyntaxError"),
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("x = 1", "AttributeError"),
        (CANDIDATE.replace("nn.Linear(size, size)", "size.missing"), "AttributeError"),
        (returning("1 / 0"), "ZeroDivisionError"),
        (returning("self.forward(x)"), "RecursionError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("class Odd(BaseException): pass\nraise Odd", "Odd"),
    ],
)
def test_whatever_a_candidate_raises_is_told_by_name(frames_of, source, error):
    frames = frames_of(source)

    assert error == frames[-1].error


def test_a_traceback_shows_the_candidates_frames_only(frames_of, tmp_path):
    frames = frames_of(returning("torch.relu(x, 1, 2, 3)"))

    assert 'File "candidate.py", line 11, in forward' in frames[-1].detail
    assert "return torch.relu(x, 1, 2, 3)" in frames[-1].detail
    assert "caesar" not in frames[-1].detail
    assert "site-packages" not in frames[-1].detail
    assert str(tmp_path) not in frames[-1].detail


def test_the_cause_of_an_exception_is_cleaned_as_well(frames_of):
    candidate = """
import json
try:
    json.loads("{")
except ValueError as error:
    raise RuntimeError("inner") from error
"""

    detail = frames_of(candidate)[-1].detail

    assert "JSONDecodeError" in detail
    assert "json/decoder.py" not in detail


@pytest.mark.parametrize(
    "expression",
    ["torch.empty(1 << 50)", "[0] * (1 << 60)"],
)
def test_running_out_of_memory_is_told_apart(frames_of, expression):
    assert frames_of(returning(expression))[-1].out_of_memory


def test_broken_hardware_is_told_apart(frames_of):
    candidate = "raise RuntimeError('CUDA error: uncorrectable ECC error encountered')"

    assert frames_of(candidate)[-1].hardware


def test_a_candidate_that_exits_is_left_to_its_exit_status(frames_of):
    with pytest.raises(SystemExit):
        frames_of("raise SystemExit(3)")


@pytest.mark.parametrize(
    ("reference", "unusable"),
    [
        ("import nowhere_to_be_found", Unusable(Cause.PACKAGE, "nowhere_to_be_found")),
        ("raise SystemExit(3)", Unusable(Cause.RAISED, "SystemExit: 3")),
        (
            REFERENCE.replace("return [8]", "return []"),
            Unusable(
                Cause.RAISED, "TypeError: Model.__init__() missing 1 required positional argument: 'size'"
            ),
        ),
        (
            REFERENCE.replace("torch.relu(self.linear(x))", "object"),
            Unusable(Cause.RAISED, "TypeError: output is a type, which can't be compared"),
        ),
    ],
)
def test_a_reference_that_does_not_work_is_unusable_whatever_the_candidate(frames_of, reference, unusable):
    assert unusable == frames_of(reference=reference)[-1]


def test_a_reference_that_does_not_fit_into_memory_is_unusable(frames_of):
    reference = REFERENCE.replace("torch.rand(4, 8)", "torch.empty(1 << 50)")

    assert Cause.MEMORY is frames_of(reference=reference)[-1].cause


def test_a_reference_too_slow_to_judge_by_is_unusable(frames_of):
    assert Cause.SLOW is frames_of(limit_s=1e-9)[-1].cause


def test_a_model_hub_that_can_not_be_reached_is_told_apart(frames_of, tmp_path, monkeypatch):
    (tmp_path / "transformers.py").write_text("def from_pretrained():\n    raise OSError('offline')\n")
    monkeypatch.syspath_prepend(tmp_path)
    reference = "import transformers\ntransformers.from_pretrained()"

    assert Unusable(Cause.HUB, "OSError: offline") == frames_of(reference=reference)[-1]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_no_fault_of_the_reference(frames_of):
    assert Cause.DEVICE is frames_of(cuda=True)[-1].cause


def test_a_mismatch_never_tells_a_seed(frames_of, monkeypatch):
    monkeypatch.setattr("caesar.evaluators.child.secret_seed", lambda: 918273645)

    frames = frames_of(returning("torch.rand(4, 8)"))

    assert isinstance(frames[-1].mismatch, Mismatch)
    assert b"918273645" not in b"".join(encode(frame) for frame in frames)
