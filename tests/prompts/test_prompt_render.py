"""Prompts, whole. The golden files are what a model reads, one file for each kind of prompt.

After a wanted change of wording run this file with CAESAR_UPDATE_GOLDEN=1 and review the diff.
"""

import os
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_cases import DEVICE, PROBLEM, passed, story, turn, with_feedback

from caesar.domain import Context, Feedback, History, Problem
from caesar.effects import Backend, Precision
from caesar.errors import UsageError
from caesar.prompts.render import Templates, render_prompt, shipped

GOLDEN = pathlib.Path(__file__).parent / "golden"
TEMPLATES = Templates.shipped()
SOURCES = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("`\n{}%"), max_size=200)


def prompt(turns=(), **changes):
    given = {
        "problem": PROBLEM,
        "backend": Backend.CPU,
        "context": Context(),
        "examples": "builtin",
        "precision": Precision.FP32,
        "max_feedback_chars": 4000,
        "device_name": DEVICE,
    }
    return render_prompt(changes.pop("templates", TEMPLATES), turns=turns, **{**given, **changes})


def user(turns=(), **changes):
    return prompt(turns, **changes)[1]


def closing(turns, **changes):
    return user(turns, **changes).parts[-1]


@pytest.mark.parametrize("backend", Backend)
@pytest.mark.parametrize("history", ["first", "last", "all"])
def test_prompts_read_as_their_golden_files(backend, history):
    show = tuple(piece for piece in Feedback if piece is not Feedback.HARDWARE)
    turns = () if history == "first" else with_feedback(story()[: 3 if history == "last" else None], show)
    context = Context(History.ALL if history == "all" else History.LAST, show)
    golden = GOLDEN / f"{history}_{backend}.txt"

    messages = prompt(turns, backend=backend, context=context)
    text = "".join(f"===== {message.role}\n{message.text}\n" for message in messages)

    if "CAESAR_UPDATE_GOLDEN" in os.environ:
        golden.write_text(text)
    assert golden.read_text() == text


def test_a_prompt_is_a_system_and_a_user_message():
    assert ["system", "user"] == [message.role for message in prompt()]


def test_texts_that_recur_are_parts_byte_for_byte():
    turns = with_feedback(story(), tuple(Feedback))

    parts = user(turns, context=Context(History.ALL, tuple(Feedback))).parts

    stored = [PROBLEM.source, shipped()["example_cpu.py"], shipped()["example_reference.py"]]
    stored += [text for view in turns for text in (view.candidate, view.feedback) if text is not None]
    assert not set(stored) - set(parts)


def test_a_longer_history_repeats_the_parts_of_a_shorter_one():
    context = Context(History.ALL)
    turns = with_feedback(story(), context.show)

    shorter = user(turns[:2], context=context).parts[:-1]
    longer = user(turns[:3], context=context).parts

    changed = {part for part in shorter if part not in longer}
    assert {"\n# Turn 2 (your latest)\n\nYour candidate:"} == changed


@given(source=SOURCES, candidate=SOURCES, feedback=SOURCES.filter(bool))
def test_any_text_is_shown_exactly_and_in_fences_it_cannot_close(source, candidate, feedback):
    problem = Problem(suite="s", id="1", name="n", source=source)
    view = turn("crashed", candidate=candidate, feedback=feedback)

    parts = user([view], problem=problem, examples="none").parts

    assert feedback in parts
    for text in (source, candidate):
        fences = [(parts[at - 1], parts[at + 1]) for at in range(1, len(parts) - 1) if parts[at] == text]
        assert any(opening == f"{fence}python" and fence not in text for opening, fence in fences)


@given(st.lists(st.builds(passed, number=st.integers(1, 9), eager_ms=st.floats(0.1, 10)), max_size=3))
def test_rendering_is_deterministic(turns):
    assert prompt(turns) == prompt(tuple(turns), templates=Templates.shipped())


def test_templates_in_texts_stay_literal():
    problem = Problem(suite="s", id="1", name="n", source="x = '{{ 7 * 7 }}'")
    view = turn("crashed", candidate="y = '{% if %}'", feedback="{{ 8 * 8 }}")

    text = user([view], problem=problem).text

    assert "{{ 7 * 7 }}" in text
    assert "{% if %}" in text
    assert "{{ 8 * 8 }}" in text


@pytest.mark.parametrize(
    ("history", "numbers"), [(History.NONE, []), (History.LAST, [3]), (History.ALL, [1, 2, 3])]
)
def test_the_context_chooses_the_turns(history, numbers):
    turns = [passed(number=number) for number in (1, 2, 3)]

    text = user(turns, context=Context(history)).text

    assert numbers == [number for number in (1, 2, 3) if f"# Turn {number}" in text]


def test_without_history_a_later_prompt_equals_the_first():
    context = Context(History.NONE)

    assert prompt((), context=context) == prompt(story(), context=context)


def test_a_context_of_candidates_shows_no_feedback_and_no_outcome():
    context = Context(History.ALL, (Feedback.CANDIDATE,))
    wrong = [turn("incorrect", candidate="a = 1", feedback="Incorrect.")]
    right = [turn("passed", candidate="a = 1", feedback="Passed.")]

    assert user(wrong, context=context) == user(right, context=context)
    assert "a = 1" in user(wrong, context=context).parts


def test_a_context_without_candidates_shows_only_feedback():
    context = Context(History.LAST, (Feedback.VERDICT,))
    view = turn("incorrect", candidate="a = 1", feedback="Incorrect.")

    parts = user([view], context=context).parts

    assert "Incorrect." in parts
    assert "a = 1" not in parts


def test_a_turn_of_which_nothing_is_shown_is_left_out():
    context = Context(History.LAST, (Feedback.RUNTIME,))

    assert prompt((), context=context) == prompt([turn("no_code")], context=context)


def test_a_turn_without_a_candidate_says_so_through_its_feedback():
    text = user([turn("no_code")]).text

    assert 1 == text.count("held no code block")
    assert "Your candidate:" not in text


def test_a_turn_without_a_candidate_says_so_even_where_only_candidates_are_shown():
    text = user([turn("no_code")], context=Context(History.LAST, (Feedback.CANDIDATE,))).text

    assert "Your answer held no code block" in text


def test_feedback_that_was_never_rendered_is_rendered_within_its_limit():
    view = turn("build_failed", candidate="x", build_log="error\n" * 1000, build_reason="compiler_error")

    parts = user([view], max_feedback_chars=100).parts

    feedback = next(part for part in parts if part.startswith("Build failed"))
    assert "characters cut" in feedback
    assert len(feedback) < 300


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("no_code", "so that the code can be found"),
        ("build_failed", "Fix what kept"),
        ("build_timed_out", "build faster"),
        ("incorrect", "correctness comes before speed"),
        ("crashed", "crash"),
        ("timed_out", "hangs"),
        ("rejected", "rules"),
        ("passed", "Make it faster"),
        (None, "Improve"),
    ],
)
def test_the_instruction_fits_what_the_latest_turn_came_to(outcome, words):
    turns = [passed(), turn(outcome, 2, candidate="x", feedback="What happened.")]

    assert words in closing(turns)


def test_the_instruction_does_not_tell_an_outcome_that_is_not_shown():
    show = (Feedback.CANDIDATE, Feedback.RUNTIME)

    said = {
        closing([turn(outcome, candidate="x")], context=Context(show=show)) for outcome in ("passed", "crashed")
    }

    assert 1 == len(said)


def test_the_device_is_named_only_where_hardware_is_shown():
    shown = Context(show=(Feedback.CANDIDATE, Feedback.HARDWARE))

    assert DEVICE in user(context=shown).text
    assert DEVICE not in user(story(), context=Context(History.ALL)).text
    assert "None" not in user(context=shown, device_name=None).text


@pytest.mark.parametrize(
    ("precision", "dtype", "tolerance"),
    [
        (Precision.FP32, "float32", "1e-4"),
        (Precision.FP16, "float16", "1e-2"),
        (Precision.BF16, "bfloat16", "1e-2"),
    ],
)
def test_precision_and_tolerance_are_stated(precision, dtype, tolerance):
    task = user(precision=precision).parts[0]

    assert f"inputs are {dtype}." in task
    assert f"<= {tolerance} + {tolerance} *" in task


@pytest.mark.parametrize("backend", Backend)
def test_the_example_is_of_the_backend(backend):
    parts = user(backend=backend).parts

    assert shipped()[f"example_{backend}.py"] in parts


def test_examples_can_be_left_out():
    assert "# Example" not in user(examples="none").text


def test_unknown_examples_are_a_usage_error():
    with pytest.raises(UsageError, match="no examples called mine"):
        prompt(examples="mine")


def test_a_text_of_ones_own_replaces_a_shipped_one():
    templates = Templates({**shipped(), "system.j2": "Be brief about {{ backend }}."})

    assert "Be brief about cuda." == prompt(templates=templates, backend=Backend.CUDA)[0].text


def test_prompts_end_without_stray_white_space():
    for message in prompt(story()):
        assert message.text == message.text.strip()
        assert "\n\n\n\n" not in message.text
