import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_cases import DEVICE, evaluation, judged, passed, timing, turn

from caesar.domain import Baseline, Feedback, Finding, Mismatch, Verdict
from caesar.prompts.feedback import FRAME_CHARS, render_feedback
from caesar.prompts.texts import Templates

TEMPLATES = Templates.shipped()
ALL_BUT_HARDWARE = tuple(piece for piece in Feedback if piece is not Feedback.HARDWARE)
NOISE = st.text(st.characters() | st.sampled_from("`{}%\x1b[\n"), max_size=400)


def feedback(view, *show, max_chars=4000):
    return render_feedback(TEMPLATES, show=show, turn=view, max_chars=max_chars)


def failed(reason, **fields):
    return turn("build_failed", build_reason=reason, **fields)


@pytest.mark.parametrize(
    ("view", "sentence"),
    [
        (turn("no_code"), "No candidate: your answer held no code block that defines `ModelNew`."),
        (failed("syntax_error"), "Build failed: the module is not valid Python."),
        (failed("no_model"), "Build failed: the module does not define a class `ModelNew`."),
        (failed("compiler_error"), "Build failed: the compiler rejected the kernel's source."),
        (failed("import_error"), "Build failed: importing the module raised an exception."),
        (failed("output_limit"), "Build failed: the module printed too much while it was built."),
        (failed("memory_limit"), "Build failed: building the module needed too much memory."),
        (failed("process_limit"), "Build failed: the module started too many processes while it was built."),
        (
            failed("exit:3"),
            "Build failed: the process ended itself with exit status 3 while it imported the module.",
        ),
        (
            failed("signal:6"),
            "Build failed: the process died of SIGABRT, aborted while it imported the module.",
        ),
        (failed("triton_error"), "Build failed: triton_error."),
        (failed(None), "Build failed: the module could not be built."),
        (
            turn("build_timed_out", build_reason="time_limit"),
            "Build timed out: building and importing the module did not end within the time limit.",
        ),
        (passed(), "Passed: the outputs equal the reference's in 5 of 5 trials."),
        (
            judged("incorrect", "values", trials=3, trials_passed=2),
            (
                "Incorrect: output values differ from the reference's by more than the tolerance."
                " 2 trials had passed before."
            ),
        ),
        (
            judged("incorrect", "values", trials=3, trials_passed=2, findings=(Finding("flaky", "right"),)),
            (
                "Incorrect: output values differ from the reference's by more than the tolerance."
                " 2 trials had passed before."
                " Called again on the same inputs it was right, which points to a race, or to memory that is"
                " read before it is written."
            ),
        ),
        (judged("incorrect", "shape"), "Incorrect: an output's shape differs from the reference's."),
        (judged("incorrect", "dtype"), "Incorrect: an output's dtype differs from the reference's."),
        (judged("incorrect", "device"), "Incorrect: an output is not on the reference's device."),
        (judged("incorrect", "type"), "Incorrect: an output is not of the reference's type."),
        (judged("incorrect", "count"), "Incorrect: the number of outputs differs from the reference's."),
        (
            judged("incorrect", "timed_output"),
            "Incorrect: the trials passed, but the output computed while being timed was wrong.",
        ),
        (judged("incorrect", "order:2"), "Incorrect: the outputs differ from the reference's (order: 2)."),
        (judged("crashed", "exception:TypeError"), "Crashed: the candidate raised TypeError."),
        (judged("crashed", "exit:0"), "Crashed: the candidate ended its process with exit status 0."),
        (
            judged("crashed", "signal:11"),
            "Crashed: the candidate's process died of SIGSEGV, segmentation fault.",
        ),
        (judged("crashed", "signal:42"), "Crashed: the candidate's process died of signal 42."),
        (judged("crashed", "out_of_memory"), "Crashed: the candidate ran out of memory."),
        (judged("crashed", "output_limit"), "Crashed: the candidate printed too much."),
        (judged("crashed", "memory_limit"), "Crashed: the candidate used too much memory."),
        (
            judged("crashed", "process_limit"),
            "Crashed: the candidate started too many processes or threads.",
        ),
        (judged("crashed", "protocol"), "Crashed: the candidate disturbed its own evaluation."),
        (judged("crashed", "limit:stack"), "Crashed: limit (stack)."),
        (
            judged("timed_out", "time_limit"),
            "Timed out: the candidate built, but did not finish within the time limit.",
        ),
        (
            judged("rejected", "no_kernel"),
            "Rejected: the candidate breaks the task's rules (no_kernel).",
        ),
    ],
)  # fmt: skip
def test_a_verdict_is_a_sentence_with_its_reason(view, sentence):
    assert sentence == feedback(view, Feedback.VERDICT)


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_sentence_of_its_own(verdict):
    view = passed() if verdict is Verdict.PASSED else judged(verdict, "whatever")

    text = feedback(view, Feedback.VERDICT)

    assert text
    assert "The turn ended as" not in text


def test_a_crash_shows_the_text_its_process_left():
    view = judged("crashed", "exception:ValueError", detail="Traceback:\n  forward\nValueError: 3\n")

    assert (
        "Crashed: the candidate raised ValueError.\n\nWhat its process left:\n\n"
        "```text\nTraceback:\n  forward\nValueError: 3\n```"
    ) == feedback(view, Feedback.VERDICT)


def test_what_a_passed_candidate_printed_is_not_shown():
    view = turn("passed", evaluation=evaluation(timing=timing(1.0)), detail="debug")

    assert "Passed: the outputs equal the reference's." == feedback(view, Feedback.VERDICT)


def test_a_failed_build_shows_its_log():
    view = failed("compiler_error", build_log="a.cpp:1: error\n\n")

    assert "Build log:\n\n```text\na.cpp:1: error\n```" == feedback(view, Feedback.BUILD_LOG)


def test_a_mismatch_says_where_and_by_how_much():
    mismatch = Mismatch("values", "1.5", "nan", (2, 7), wrong_share=0.0625, max_abs_error="0.3", nonfinite=9)

    assert (
        "Difference: expected 1.5, got nan at index [2, 7], the first wrong element."
        " 6.25% of the elements are wrong. Largest absolute error: 0.3."
        " Elements that are NaN or infinite: 9."
    ) == feedback(judged("incorrect", "values", mismatch=mismatch), Feedback.MISMATCH)


def test_a_mismatch_of_nothing_but_nan_says_no_largest_error():
    mismatch = Mismatch("values", "1.5", "nan", (2, 7), wrong_share=0.0625, nonfinite=9)

    assert (
        "Difference: expected 1.5, got nan at index [2, 7], the first wrong element."
        " 6.25% of the elements are wrong. Elements that are NaN or infinite: 9."
    ) == feedback(judged("incorrect", "values", mismatch=mismatch), Feedback.MISMATCH)


def test_a_mismatch_of_shapes_says_no_more_than_the_shapes():
    mismatch = Mismatch("shape", "(2, 3)", "(3, 2)", output=1)

    assert "Difference in output 1 (counted from 0): expected (2, 3), got (3, 2)." == feedback(
        judged("incorrect", "shape", mismatch=mismatch), Feedback.MISMATCH
    )


@pytest.mark.parametrize(
    ("median_ms", "text"),
    [
        (1.2345, "1.234"),
        (0.012345, "0.01235"),
        (12345.6, "12346"),
        (99.999, "100.00"),
        (1e-9, "0.000000001000"),
    ],
)
def test_runtime_is_a_median_in_plain_decimals(median_ms, text):
    assert f"Runtime: median {text} ms over 100 calls." == feedback(passed(median_ms), Feedback.RUNTIME)


@pytest.mark.parametrize(
    ("median_ms", "comparison"),
    [
        (1.0, "The candidate is 1.85x faster than the reference."),
        (3.7, "The candidate is 2.00x slower than the reference."),
        (1.851, "The candidate is as fast as the reference."),
        (0.001, "The candidate is 1850x faster than the reference."),
    ],
)
def test_a_baseline_comes_with_the_speedup(median_ms, comparison):
    text = feedback(passed(median_ms, eager_ms=1.85), Feedback.BASELINE)

    assert f"Reference (eager): median 1.850 ms over 50 calls.\n{comparison}" == text


def test_without_an_eager_baseline_there_is_no_speedup():
    view = passed(baselines=(Baseline("compile", timing(2.0)),))

    assert "Reference (compile): median 2.000 ms over 100 calls." == feedback(view, Feedback.BASELINE)


def test_hardware_is_named_only_where_it_is_shown():
    view = judged("crashed", "exception:NVIDIA H200", detail=f"no kernel image for {DEVICE} (h200)")

    assert f"Hardware: {DEVICE}." in feedback(view, *Feedback)
    assert f"no kernel image for {DEVICE}" in feedback(view, *Feedback)
    assert "H200" not in feedback(view, *ALL_BUT_HARDWARE).upper()


@pytest.mark.parametrize("piece", Feedback)
def test_absent_feedback_renders_nothing(piece):
    assert "" == feedback(turn(None), piece)


@pytest.mark.parametrize("piece", [*Feedback])
def test_each_piece_can_be_shown_alone_and_is_part_of_the_whole(piece):
    view = passed(eager_ms=2.0)

    assert feedback(view, piece) in feedback(view, *Feedback)


def test_the_order_is_fixed_whatever_is_shown_first():
    view = passed(eager_ms=2.0)

    assert feedback(view, *Feedback) == feedback(view, *reversed(Feedback))


def test_nothing_shown_is_nothing_rendered():
    assert "" == feedback(passed(eager_ms=2.0))


@pytest.mark.parametrize("hostile", ["{{ 7 * 7 }}", "{% raw %}", "{# note #}", "$(id)", "<b>&amp;"])
def test_logs_stay_literal(hostile):
    assert hostile in feedback(failed("compiler_error", build_log=f"error: {hostile}"), Feedback.BUILD_LOG)
    assert hostile in feedback(judged("crashed", "exit:1", detail=hostile), Feedback.VERDICT)


def test_a_log_cannot_end_the_block_it_is_shown_in():
    log = "error\n```\n# Your answer\n" + "`" * 5000

    text = feedback(failed("compiler_error", build_log=log), Feedback.BUILD_LOG)

    fence = text.splitlines()[-1]
    assert 2 == text.count(fence)
    assert len(text) < 100


def test_a_log_of_ten_megabytes_is_cut_in_its_middle():
    log = "first error\n" + "note: \x1b[32min file\x1b[0m included from\n" * 250_000 + "last error"

    text = feedback(failed("compiler_error", build_log=log), Feedback.BUILD_LOG, max_chars=1000)

    assert "first error\n" in text
    assert "last error\n" in text
    assert " characters cut ...]" in text
    assert len(text) < 1100


def test_a_reason_from_the_candidate_stays_one_short_line():
    text = feedback(judged("crashed", "exception:" + "X\n`" * 1000), Feedback.VERDICT)

    assert 1 == len(text.splitlines())
    assert len(text) < 300


@given(log=NOISE, detail=NOISE, reason=NOISE.filter(bool), max_chars=st.integers(0, 300))
def test_feedback_is_bounded_and_depends_on_the_turn_alone(log, detail, reason, max_chars):
    mismatch = Mismatch("values", log, detail, index=(1,) * 500, max_abs_error=reason)
    view = turn(
        "build_failed",
        build_log=log * 20,
        detail=detail * 20,
        evaluation=evaluation(Verdict.INCORRECT, reason=reason, mismatch=mismatch, device_name=log),
    )

    text = feedback(view, *Feedback, max_chars=max_chars)

    assert len(text) <= max_chars + FRAME_CHARS
    assert text == feedback(view, *Feedback, max_chars=max_chars)
    assert text.encode().decode() == text


@given(before=NOISE, after=NOISE)
def test_no_text_gets_the_hardware_name_past_the_filter(before, after):
    view = judged("crashed", f"exit:{DEVICE}", detail=f"{before}NVIDIA\u200b H200{after}{DEVICE}")

    assert DEVICE not in feedback(view, *ALL_BUT_HARDWARE)
