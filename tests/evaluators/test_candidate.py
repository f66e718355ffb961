"""The candidate's process as a thread of this one, at the other end of a real link from a real contest."""

import contextlib
import json
import random
import socket
import sys
import threading

import msgspec
import pytest
import torch
from contest_cases import bench_of
from evaluation_cases import CANDIDATE, QUICK, REFERENCE, returning

from caesar.effects import Ruling
from caesar.evaluators import trace
from caesar.evaluators.candidate import Contestant, main
from caesar.evaluators.contest import Contest
from caesar.evaluators.device import Cpu
from caesar.evaluators.opponent import CandidateRaised, Opponent
from caesar.evaluators.policy import Policy
from caesar.evaluators.protocol import Differs, Gone, Passed
from caesar.evaluators.scrutiny import sliced_stand
from caesar.evaluators.setup import send_setup


@pytest.fixture
def held(tmp_path, monkeypatch):
    """Judge a candidate's source in a thread; the report."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()

    def hold(candidate=CANDIDATE, *, reference=REFERENCE, settings=QUICK, policy=None):
        with torch.no_grad(), opposed(candidate, reference=reference, settings=settings) as (bench, opponent):
            contest = Contest(
                bench,
                opponent,
                sliced=bench.sliced,
                work=None,
                policy=Policy(policy or {}),
                progress=lambda _: None,
            )
            return contest.report()

    yield hold
    torch.set_num_threads(threads)


class Benched:
    """A bench and its sliced stand, to which a candidate can write."""

    def __init__(self, **options):
        self.bench = bench_of(writable=True, **options)
        sliced = sliced_stand(self.bench)
        self.sliced = sliced and sliced.unsealed()

    def __getattr__(self, name):
        return getattr(self.bench, name)


@contextlib.contextmanager
def opposed(candidate, *, reference=REFERENCE, settings=QUICK):
    """An opponent whose process is a thread that runs the candidate; inputs are writable, as a thread's are."""
    bench = Benched(reference=reference, settings=settings)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    payload = msgspec.json.encode(Contestant(candidate, "/nowhere", torch.get_num_threads()))
    thread = threading.Thread(target=served, args=(payload, theirs.detach()))
    thread.start()
    try:
        send_setup(ours, bench.desk(*(() if bench.sliced is None else (bench.sliced,))))
        yield bench, Opponent(ours)
    finally:
        ours.close()
        thread.join()


def served(payload, link):
    with contextlib.suppress(SystemExit):
        main(payload, lambda _: None, link)


def both(change):
    """A reference and an equal candidate, both changed."""
    changed = change(REFERENCE)
    return {"reference": changed, "candidate": changed.replace("class Model(", "class ModelNew(")}


def findings(report):
    return [finding.kind for finding in report.findings]


def test_an_equal_candidate_passes_with_its_own_clock_or_the_judges(held):
    report = held()

    assert isinstance(report.ending, Passed)
    assert ("copied", 2) == (report.parameters, report.trials_passed)
    assert "torch_fallback" in findings(report)


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("self.linear(x)", "values"),
        ("torch.relu(self.linear(x))[:2]", "shape"),
        ("torch.relu(self.linear(x)).double()", "dtype"),
        ("(torch.relu(self.linear(x)), x)", "count"),
        ("torch.relu(self.linear(x)).tolist()", "count"),
        ("None", "type"),
        ("torch.relu(self.linear(x)).to_sparse()", "type"),
        ("torch.relu(self.linear(x)).to('meta')", "device"),
        ("torch.relu(self.linear(x)).reshape((1,) * 9 + (4, 8))", "type"),
        ("torch.full_like(self.linear(x), float('inf'))", "values"),
    ],
)
def test_wrong_forms_of_output_are_told_apart(held, expression, kind):
    assert kind == held(returning(expression)).ending.reason


def test_several_outputs_are_compared_in_the_order_of_their_names(held):
    reference = REFERENCE.replace(
        "torch.relu(self.linear(x))", "(x, {'y': torch.relu(self.linear(x)), 'n': 3})"
    )

    report = held(returning("(x, {'n': 3, 'y': self.linear(x)})"), reference=reference)

    assert ("values", 2) == (report.ending.reason, report.ending.mismatch.output)


def test_a_transposed_output_is_compared_by_its_values(held):
    report = held(returning("torch.relu(self.linear(x)).t().contiguous().t()"))

    assert isinstance(report.ending, Passed)


def test_parameters_drawn_in_another_order_are_copied_by_name(held):
    report = held(CANDIDATE.replace("self.linear =", "torch.randn(3)\n        self.linear ="))

    assert ("copied", Passed) == (report.parameters, type(report.ending))


def test_parameters_of_other_names_are_seeded_alike(held):
    report = held(CANDIDATE.replace("self.linear", "self.other"))

    assert ("seeded", Passed) == (report.parameters, type(report.ending))


def test_integer_inputs_keep_their_type(held):
    def changed(source):
        source = source.replace("[torch.rand(4, 8) - 0.5]", "[torch.tensor([1, 2, 3])]")
        return source.replace("torch.relu(self.linear(x))", "nn.functional.one_hot(x, 5)")

    assert isinstance(held(**both(changed)).ending, Passed)


def test_constructor_arguments_of_every_plain_kind_arrive(held):
    def changed(source):
        source = source.replace("return [8]", "return [8, [torch.ones(8), None], {'at': (2.5, True, 'x')}]")
        source = source.replace("def __init__(self, size)", "def __init__(self, size, extra, named)")
        return source.replace(
            "self.linear =",
            "assert (extra[0].sum(), extra[1], named) == (8, None, {'at': (2.5, True, 'x')})\n"
            "        self.linear =",
        )

    assert isinstance(held(**both(changed)).ending, Passed)


def test_a_candidate_that_keeps_the_result_of_its_first_call_is_incorrect(held):
    keeping = CANDIDATE.replace(
        "return torch.relu(self.linear(x))",
        "self.kept = getattr(self, 'kept', None)\n"
        "        self.kept = torch.relu(self.linear(x)) if self.kept is None else self.kept\n"
        "        return self.kept",
    )

    assert "values" == held(keeping).ending.reason


def test_a_candidate_that_changes_its_inputs_is_incorrect_unless_the_spec_says_otherwise(held):
    writing = returning("torch.relu(self.linear(x)) + 0 * x.zero_().sum()")

    assert Differs("input_mutated") == held(writing).ending
    assert isinstance(held(writing, policy={"input_mutated": Ruling.FINDING}).ending, Passed)


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
        (CANDIDATE.replace("nn.Module", "object"), "TypeError"),
    ],
)
def test_whatever_a_candidate_raises_is_told_by_name(held, source, error):
    assert error == held(source).ending.error


def test_a_traceback_shows_the_candidates_frames_only(held, tmp_path):
    detail = held(returning("torch.relu(x, 1, 2, 3)")).ending.detail

    assert 'File "candidate.py", line 11, in forward' in detail
    assert "return torch.relu(x, 1, 2, 3)" in detail
    assert "caesar" not in detail
    assert "site-packages" not in detail
    assert str(tmp_path) not in detail


def test_the_cause_of_an_exception_is_cleaned_as_well(held):
    candidate = """
import json
try:
    json.loads("{")
except ValueError as error:
    raise RuntimeError("inner") from error
"""

    detail = held(candidate).ending.detail

    assert "JSONDecodeError" in detail
    assert "json/decoder.py" not in detail


@pytest.mark.parametrize("expression", ["torch.empty(1 << 50)", "[0] * (1 << 60)"])
def test_running_out_of_memory_is_told_apart(held, expression):
    assert held(returning(expression)).ending.out_of_memory


BROKEN = "raise RuntimeError('CUDA error: uncorrectable ECC error encountered')"


def test_hardware_is_broken_where_the_judge_finds_it_so(held, monkeypatch):
    monkeypatch.setattr(Cpu, "works", lambda _: False)

    assert held(BROKEN).ending.hardware


def test_a_candidate_that_calls_sound_hardware_broken_is_not_believed(held):
    assert not held(BROKEN).ending.hardware


def test_a_candidate_that_exits_is_gone(held):
    assert Gone() == held("raise SystemExit(3)").ending


def test_an_exception_in_one_call_does_not_end_the_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    candidate = returning("torch.relu(self.linear(x)) if torch.initial_seed() != 1 else 1 / 0")

    with torch.no_grad(), opposed(candidate) as (bench, opponent):
        bench.stands[0].release(7)
        opponent.load()
        opponent.prepare(slot=0, seed=1)
        with pytest.raises(CandidateRaised):
            opponent.call()
        opponent.prepare(slot=0, seed=2)
        opponent.call()
        shown, _ = opponent.show()

    assert 1 == shown.count


def test_outputs_that_are_inputs_outlive_these(held):
    ours, theirs = "return torch.relu(self.linear(x))", "return x, self.linear(x), x[1:]"

    assert isinstance(held(**both(lambda source: source.replace(ours, theirs))).ending, Passed)


def test_idling_shows_something_of_the_references_form(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with torch.no_grad(), opposed(CANDIDATE) as (bench, opponent):
        bench.poison(0)
        opponent.idle()
        opponent.show()
        seen = bench.outputs.view(0, (4, 8), (8, 1), torch.float32).clone()

    assert torch.equal(torch.ones(4, 8), seen)


def test_showing_copies_nothing_where_the_form_is_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with torch.no_grad(), opposed(returning("torch.relu(self.linear(x)).double()")) as (bench, opponent):
        opponent.load()
        bench.stands[0].release(7)
        bench.poison(0x11)
        opponent.prepare(slot=0, seed=1)
        opponent.call()
        opponent.show()
        seen = set(bench.outputs.bytes().tolist())

    assert {0x11} == seen


def test_a_trace_tells_operators_threads_and_replaced_functions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for module, name in ((random, "random"), (torch, "allclose")):
        monkeypatch.setattr(module, name, getattr(module, name))
    candidate = "import torch\ntorch.allclose = lambda *_: True\n" + CANDIDATE
    others = trace._children()

    with torch.no_grad(), opposed(candidate) as (bench, opponent):
        opponent.load()
        bench.stands[0].release(7)
        told = json.loads(opponent.trace(slot=0, seed=1))

    assert {"aten::addmm", "aten::relu"} <= set(told["operators"])
    assert ["torch.allclose"] == told["replaced"]
    assert others == told["children"]


def test_what_torch_wraps_around_its_own_functions_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch, "manual_seed", torch.manual_seed)
    candidate = (
        "import functools, torch\n"
        "torch.manual_seed = functools.wraps(torch.manual_seed)(lambda seed: None)\n" + CANDIDATE
    )

    with torch.no_grad(), opposed(candidate) as (bench, opponent):
        opponent.load()
        bench.stands[0].release(7)
        told = json.loads(opponent.trace(slot=0, seed=1))

    assert [] == told["replaced"]


def test_a_judge_that_hangs_up_before_it_said_anything_ends_the_process():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.close()

    main(
        msgspec.json.encode(Contestant(CANDIDATE, "/nowhere", torch.get_num_threads())),
        lambda _: None,
        theirs.detach(),
    )

    assert "candidate_never_loaded" not in sys.modules
