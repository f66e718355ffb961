import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.prompts.clean import fence_for
from caesar.prompts.extract import candidate_in

NEW = "class ModelNew(nn.Module):\n    pass"
OLD = "class ModelNew(nn.Module):\n    old = True"

LINES = st.lists(st.text(alphabet="`~ \tabc:='\"</think>#{}", max_size=12), max_size=8)


@pytest.mark.parametrize("fence", ["```", "~~~", "`````", "~~~~"])
@pytest.mark.parametrize("info", ["", "python", "py title=x", " python "])
def test_a_fenced_block_is_found_whatever_its_fence(fence, info):
    assert NEW == candidate_in(f"Here:\n{fence}{info}\n{NEW}\n{fence}\nDone.")


def test_the_last_block_that_defines_the_model_wins():
    completion = f"```python\n{OLD}\n```\nBetter:\n```python\n{NEW}\n```\nRun:\n```sh\npython x.py\n```"

    assert NEW == candidate_in(completion)


def test_blocks_without_the_model_do_not_count():
    completion = f"```cpp\nint main() {{}}\n```\n```python\n{NEW}\n```\n```\nModelNewer = ModelNew()\n```"

    assert NEW == candidate_in(completion)


def test_a_model_that_is_assigned_counts():
    assert "ModelNew = make()" == candidate_in("```\nModelNew = make()\n```")


@pytest.mark.parametrize(
    "line", ["# class ModelNew", "    class ModelNew:", "class ModelNewer:", "ModelNew == x", "print(ModelNew)"]
)
def test_mentioning_the_model_is_not_defining_it(line):
    assert candidate_in(f"```python\n{line}\n```") is None


@pytest.mark.parametrize("completion", ["", "no code", "```python\nclass Model: pass\n```", "```", "ModelNew"])
def test_without_a_definition_there_is_no_candidate(completion):
    assert candidate_in(completion) is None


def test_a_block_cut_off_by_the_end_counts_if_it_defines_the_model():
    assert NEW == candidate_in(f"Sure:\n```python\n{NEW}")


def test_a_cut_off_block_without_the_model_leaves_the_one_before():
    assert NEW == candidate_in(f"```python\n{NEW}\n```\n```python\nimport torch\n")


def test_line_ends_of_windows_are_read_and_become_newlines():
    completion = f"Here:\n```python\n{NEW}\n```\n".replace("\n", "\r\n")

    assert NEW == candidate_in(completion)


def test_an_indented_block_is_indented_back():
    completion = f"1. Code:\n\n   ```python\n   {NEW}\n   ```\n".replace("    pass", "       pass")

    assert NEW == candidate_in(completion)


def test_code_less_indented_than_its_fence_stays_as_it_is():
    assert NEW == candidate_in(f"  ```python\n{NEW}\n  ```")


def test_shorter_and_deeper_fences_inside_belong_to_the_code():
    inner = f'{NEW}\n    """\n    ```python\n    x\n    ```\n    """\n```\n'

    assert inner == candidate_in(f"````python\n{inner}\n````")


def test_a_fence_with_an_info_string_ends_a_block_left_open():
    completion = f"```\nnote\n```\n```\n\nThe code:\n```python\n{NEW}\n```"

    assert NEW == candidate_in(completion)


def test_text_behind_a_closing_fence_is_not_code():
    assert NEW == candidate_in(f"```python\n{NEW}\n``` and that is it.\nBye.")


def test_a_draft_in_the_thinking_is_not_the_answer():
    completion = f"```python\n{NEW}\n```\n<think>\n```python\n{OLD}\n```\n</think>\n"

    assert NEW == candidate_in(completion)


def test_a_draft_counts_where_there_is_nothing_else():
    assert OLD == candidate_in(f"<think>\n```python\n{OLD}\n```\n</think>\nSorry.")


def test_thinking_without_its_opening_tag_is_thinking_too():
    completion = f"```python\n{NEW}\n```\n</think>\n```python\nx = 1\n```"

    assert NEW == candidate_in(completion)
    assert OLD == candidate_in(f"{completion}\n```python\n{OLD}\n```\n")


def test_thinking_ends_even_where_its_draft_was_left_open():
    assert NEW == candidate_in(f"<think>\n```python\n{OLD}\n</think>```python\n{NEW}\n```")


def test_think_tags_inside_code_are_code():
    source = f'{NEW}\n    tag = "<think>"\n    end = "</think>"'

    assert source == candidate_in(f"```python\n{source}\n```")


@pytest.mark.parametrize("before", ["", "<think>\nclass ModelNew?\n</think>"])
def test_a_completion_that_is_python_is_taken_whole(before):
    assert f"import torch\n{NEW}\n" == candidate_in(f"{before}import torch\n{NEW}\n")


def test_a_completion_that_only_looks_like_python_is_not():
    assert candidate_in(f"{NEW}\nI hope this helps!") is None


@pytest.mark.parametrize("tail", ["(" * 50_000, "-" * 50_000 + "1", "x" + ".y" * 100_000, "\0"])
def test_python_that_breaks_parsers_is_no_candidate(tail):
    assert candidate_in(f"{NEW}\nx = {tail}") is None


@given(LINES, LINES, st.sampled_from(["", "\n", "\n\n"]))
def test_any_source_in_a_long_enough_fence_is_found_exactly(before, after, end):
    source = "\n".join([*before, NEW, *after]) + end
    fence = fence_for(source)

    assert source == candidate_in(f"Answer:\n{fence}python\n{source}\n{fence}\nThe end.")


@given(st.text(alphabet="`~ \nModelNwcas=<thik>/", max_size=200))
def test_whatever_is_found_was_in_the_completion_and_defines_the_model(noise):
    found = candidate_in(f"{noise}\n{NEW}\n{noise}")

    assert found is None or "class ModelNew" in found


@pytest.mark.parametrize(
    "piece",
    ["`", "~", "```\n", "```python\n", "<think>", "</think>", " ", "```\n~~~\n", "ModelNew:", "ModelNew \n"],
)
def test_hostile_completions_take_linear_time(piece):
    started = time.process_time()

    candidate_in(piece * (10_000_000 // len(piece)) + f"\n```\n{NEW}\n")

    assert time.process_time() - started < 30


def test_an_unfenced_completion_is_parsed_only_up_to_a_megabyte():
    source = f"{NEW}\n" + "x = 1\n" * 1000

    assert source == candidate_in(source)
    assert candidate_in(source * 200) is None
