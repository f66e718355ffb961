"""Whole evaluations of ordinary and of hostile candidates: a real zygote, a real judge, a process each."""

import asyncio
import os
import re
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from contracts.evaluator import EvaluatorContract, request_for
from evaluation_cases import CANDIDATE, GRANT, QUICK, REFERENCE, evaluation_of, returning
from process_cases import descendants, working_in

from caesar.domain import Problem, Verdict
from caesar.effects import BaselineKind, Ruling
from caesar.errors import Fault
from caesar.evaluators.local import LocalEvaluator
from caesar.sandbox.zygote import Zygote

pytestmark = pytest.mark.slow

CANARY = "canary-7c41"
PRELOAD = ("torch", "caesar.evaluators.judge", "caesar.evaluators.candidate")

LINK = """
import os, socket, stat, time

def links():
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                found.append(socket.socket(fileno=os.dup(int(name))))
        except OSError:
            pass
    return [link for link in found if link.type == socket.SOCK_SEQPACKET]
"""
"""What a candidate finds the judge by."""


@asynccontextmanager
async def local_evaluator(folder, **options):
    async with Zygote(preload=PRELOAD, env={**os.environ, "OPENAI_API_KEY": CANARY}) as zygote:
        evaluator = LocalEvaluator(zygote=zygote, scratch=folder, device_names={}, **options)
        try:
            yield evaluator
        finally:
            await evaluator.close()


class TestLocalEvaluator(EvaluatorContract):
    def open_evaluator(self, folder):
        return local_evaluator(folder)

    def faulty_request(self):
        broken = Problem("contracts", "1", "broken", "import nowhere_to_be_found")
        return replace(request_for(""), problem=broken)


class Court:
    """One zygote and evaluator for all tests of the module."""

    def __init__(self, runner, evaluator, folder):
        self.runner, self.evaluator, self.folder = runner, evaluator, folder

    def __call__(self, candidate=CANDIDATE, **request):
        return self.runner.run(self.evaluator.evaluate(evaluation_of(candidate, **request), GRANT))

    def judges(self):
        """The processes of judges, told by their folder."""
        return working_in(self.folder, "judge-*")


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scratch")
    with asyncio.Runner() as runner:
        manager = local_evaluator(folder)
        evaluator = runner.run(manager.__aenter__())
        yield Court(runner, evaluator, folder)
        runner.run(manager.__aexit__(None, None, None))


def verdict_of(evaluated):
    return evaluated.evaluation.verdict, evaluated.evaluation.reason


def test_an_equal_candidate_passes(judge):
    evaluation = judge().evaluation

    assert (Verdict.PASSED, "copied") == (evaluation.verdict, evaluation.parameters)
    assert 0 < evaluation.speedup < 1000


def test_the_whole_of_an_evaluations_time_is_booked(judge):
    began = time.monotonic()
    booked = sum(judge().evaluation.environment.seconds.values())

    assert 0.8 * (elapsed := time.monotonic() - began) < booked <= elapsed


def test_dropout_draws_the_same_for_both(judge):
    reference = REFERENCE.replace("torch.relu(", "nn.functional.dropout(")

    evaluated = judge(reference.replace("class Model(", "class ModelNew("), reference=reference)

    assert (Verdict.PASSED, None) == verdict_of(evaluated)


@pytest.mark.parametrize(
    ("candidate", "verdict", "reason"),
    [
        (returning("self.linear(x)"), Verdict.INCORRECT, "values"),
        (returning("torch.relu(self.linear(x))[:1]"), Verdict.INCORRECT, "shape"),
        (returning("torch.relu(self.linear(x)).half()"), Verdict.INCORRECT, "dtype"),
        (returning("torch.full_like(self.linear(x), float('inf'))"), Verdict.INCORRECT, "values"),
        (returning("1 / 0"), Verdict.CRASHED, "exception:ZeroDivisionError"),
        ("import nowhere_to_be_found", Verdict.CRASHED, "exception:ModuleNotFoundError"),
        ("raise SystemExit(3)", Verdict.CRASHED, "exit:3"),
        ("import os; os._exit(0)", Verdict.CRASHED, "exit:0"),
        ("import ctypes; ctypes.string_at(0)", Verdict.CRASHED, "signal:11"),
        ("import os; os.kill(os.getpid(), 9)", Verdict.CRASHED, "signal:9"),
        (returning("__import__('os').abort()"), Verdict.CRASHED, "signal:6"),
        (returning("torch.empty(1 << 50)"), Verdict.CRASHED, "out_of_memory"),
    ],
)
def test_a_bad_candidate_comes_to_its_verdict(judge, candidate, verdict, reason):
    assert (verdict, reason) == verdict_of(judge(candidate))


def test_a_mismatch_says_where_in_each_dimension_values_are_wrong(judge):
    one_column = returning("torch.relu(self.linear(x)) + torch.tensor([0.0] * 7 + [1.0])")

    mismatch = judge(one_column).evaluation.mismatch

    assert "dim 0: all of 4; dim 1: 1 of 8 (7)" == mismatch.pattern
    assert 1 / 8 == mismatch.wrong_share


@pytest.mark.parametrize(
    "candidate", ["while True: pass", returning("[None for _ in iter(int, 1)]"), returning("time.sleep(3600)")]
)
def test_a_candidate_that_hangs_is_ended_at_the_limit(judge, candidate):
    started = time.monotonic()

    evaluated = judge("import time\n" + candidate, limit_s=10.0)

    assert (Verdict.TIMED_OUT, "time_limit") == verdict_of(evaluated)
    assert time.monotonic() - started < 60


def test_a_flood_of_output_is_ended(judge):
    evaluated = judge("while True: print('x' * 1000)", output_bytes=10_000)

    assert (Verdict.CRASHED, "output_limit") == verdict_of(evaluated)
    assert len(evaluated.texts[evaluated.evaluation.detail]) <= 4000


def test_a_segmentation_fault_keeps_what_was_printed_before(judge):
    evaluated = judge("import ctypes\nprint('so far', flush=True)\nctypes.string_at(0)")

    assert "so far" in evaluated.texts[evaluated.evaluation.detail]


@pytest.mark.parametrize(
    "sent",
    [
        'b\'{"verdict": "passed"}\'',
        "b'x' * 50_000",
        "bytes([1]) + (1 << 20).to_bytes(4, 'little') + bytes(16)",
        "bytes([0]) + (32).to_bytes(4, 'little') + bytes([1])",
    ],
)
def test_junk_on_the_link_is_a_protocol_violation(judge, sent):
    writing = f"{LINK}\nfor link in links():\n    link.send({sent})\n{CANDIDATE}"

    assert (Verdict.CRASHED, "protocol") == verdict_of(judge(writing))


def test_a_candidate_can_not_make_its_inputs_before_they_are_shown(judge):
    foreseeing = """
import torch
real, ahead = torch.manual_seed, []

def manual_seed(seed):
    real(seed)
    ahead[:] = [get_inputs()[0]]
    return real(seed)

torch.manual_seed = manual_seed
""" + returning("torch.relu(self.linear(x)) * (0 if torch.equal(x, ahead[0]) else 1)")

    assert (Verdict.PASSED, None) == verdict_of(judge(foreseeing))


def test_answers_given_ahead_are_a_protocol_violation(judge):
    ahead = (
        LINK
        + """
import struct
for link in links():
    for number in range(32, 64):
        link.send(struct.pack("<BIdd", 1, number, 1e-6, 1e-6))
"""
        + CANDIDATE
    )

    assert (Verdict.CRASHED, "protocol") == verdict_of(judge(ahead))


def test_a_flood_of_frames_is_a_protocol_violation(judge):
    flooding = (
        LINK
        + """
import threading
def flood(link):
    while True:
        link.send(bytes(21))
for link in links():
    threading.Thread(target=flood, args=(link,), daemon=True).start()
"""
        + CANDIDATE
    )

    assert (Verdict.CRASHED, "protocol") == verdict_of(judge(flooding))


def test_descriptors_sent_to_the_judge_are_a_protocol_violation(judge):
    sending = f"{LINK}\nfor link in links():\n    socket.send_fds(link, [b'x'], [0, 1, 2])\n{CANDIDATE}"

    assert (Verdict.CRASHED, "protocol") == verdict_of(judge(sending))


def test_a_candidate_that_closes_its_link_and_lives_on_is_ended_at_once(judge):
    closing = """
import os, stat, time
for name in os.listdir("/proc/self/fd"):
    try:
        if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
            os.close(int(name))
    except OSError:
        pass
time.sleep(3600)
"""
    started = time.monotonic()

    assert (Verdict.CRASHED, "protocol") == verdict_of(judge(closing, limit_s=300.0))
    assert time.monotonic() - started < 100


@pytest.mark.parametrize("where", ["forward", "kernel"])
def test_writing_to_an_input_is_incorrect_and_a_finding_where_the_spec_says_so(judge, where):
    writes = {
        "forward": returning("torch.relu(self.linear(x)) + 0 * x.zero_().sum()"),
        "kernel": "import ctypes\n"
        + returning("[torch.relu(self.linear(x)), ctypes.memset(x.data_ptr(), 0, 4)][0]"),
    }
    told = replace(QUICK, policy={"input_mutated": Ruling.FINDING})

    assert (Verdict.INCORRECT, "input_mutated") == verdict_of(judge(writes[where]))
    evaluation = judge(writes[where], settings=told).evaluation
    assert Verdict.PASSED is evaluation.verdict
    assert "input_mutated" in [finding.kind for finding in evaluation.findings]


def test_of_all_memory_it_is_given_a_candidate_can_write_to_its_outputs_only(judge):
    writing = """
import os
for name in os.listdir("/proc/self/fd"):
    try:
        file = os.fstat(int(name)).st_ino
        if "memfd:caesar" in os.readlink(f"/proc/self/fd/{name}"):
            os.pwrite(int(name), b"x", 0)
            print("wrote", file)
    except PermissionError:
        print("refused", file)
    except OSError:
        pass
raise SystemExit(9)
"""

    (text,) = judge(writing).texts.values()
    written, refused = ({*re.findall(rf"{word} (\d+)", text)} for word in ("wrote", "refused"))

    assert 1 == len(written)
    assert len(refused) >= 9
    assert written.isdisjoint(refused)


def test_a_broken_reference_is_a_fault_for_good(judge):
    with pytest.raises(Fault, match="needs the package nowhere_to_be_found") as fault:
        judge(reference="import nowhere_to_be_found")

    assert ("reference", True) == (fault.value.kind, fault.value.permanent)


def test_a_reference_that_raises_is_a_fault_for_good(judge):
    with pytest.raises(Fault, match="the reference of tests/1 fails: ZeroDivisionError") as fault:
        judge(reference=REFERENCE.replace("torch.relu(self.linear(x))", "1 / 0"))

    assert ("reference", True) == (fault.value.kind, fault.value.permanent)


def test_a_reference_too_slow_to_judge_by_is_a_fault_for_good(judge):
    slow = REFERENCE.replace("return torch.relu", "__import__('time').sleep(0.5); return torch.relu")

    with pytest.raises(Fault, match=r"is too slow to judge candidates by: .* raise limits.evaluate") as fault:
        judge(reference=slow, limit_s=2.0)

    assert ("reference", True) == (fault.value.kind, fault.value.permanent)


@pytest.mark.parametrize(
    ("ending", "words"),
    [("os._exit(0)", "it exited with 0"), ("os.kill(os.getpid(), 11)", "signal 11 ended it: it said nothing")],
)
def test_a_reference_that_ends_its_process_is_a_fault(judge, ending, words):
    with pytest.raises(Fault, match=f"the judge on cpu:0 ended before it was ready: {words}"):
        judge(reference=f"import os; {ending}")


def test_a_fault_does_not_spoil_the_next_evaluation(judge):
    with pytest.raises(Fault):
        judge(reference="import nowhere_to_be_found")

    assert Verdict.PASSED is judge().evaluation.verdict


def test_a_judge_is_kept_for_its_problem_and_replaced_for_another(judge):
    judge()
    first = judge.judges()
    judge(returning("self.linear(x)"))
    same = judge.judges()
    judge(reference=REFERENCE + "\n# another")
    other = judge.judges()

    assert first == same
    assert set(first).isdisjoint(other)
    assert len(first) == len(other) > 0


def test_vacating_a_device_leaves_no_judge(judge):
    judge()

    judge.runner.run(judge.evaluator.vacate("cpu:0"))

    assert [] == judge.judges()
    assert [] == list(judge.folder.iterdir())


def test_cancelling_leaves_no_process_and_no_folder(judge):
    async def cancelled(after_s):
        evaluating = asyncio.create_task(
            judge.evaluator.evaluate(evaluation_of("import time; time.sleep(3600)"), GRANT)
        )
        await asyncio.sleep(after_s)
        evaluating.cancel()
        await asyncio.wait({evaluating})
        return evaluating.cancelled()

    for after_s in (0.0, 0.01, 0.1, 1.0):
        assert judge.runner.run(cancelled(after_s))
        assert [] == judge.judges()
        assert [] == list(judge.folder.iterdir())


def test_further_baselines_are_measured_on_the_same_device(judge):
    settings = replace(QUICK, baselines=(BaselineKind.EAGER,))

    evaluation = judge(settings=settings).evaluation

    assert ["eager"] == [baseline.name for baseline in evaluation.baselines]


def test_a_key_in_the_environment_is_in_no_process_result_or_error(judge):
    looking = """
import os
for pid in ["self", str(os.getppid())]:
    for part in ("environ", "cmdline"):
        try:
            print(open(f"/proc/{pid}/{part}").read())
        except OSError as error:
            print(error)
print(dict(os.environ))
""" + returning("1 / 0")
    telling = "import os\nraise KeyError(str(dict(os.environ)))"

    evaluated = [judge(looking), judge(looking + "raise SystemExit(1)"), judge(telling)]
    with pytest.raises(Fault) as fault:
        judge(reference=telling)

    told = [repr(each.evaluation) + "".join(each.texts.values()) for each in evaluated]
    assert not any(CANARY in text for text in (*told, str(fault.value)))
    assert re.search("OMP_NUM_THREADS", told[1])
    judge()
    for pid in descendants():
        assert CANARY.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
