import pytest

from caesar.errors import UsageError
from caesar.prompts.texts import _REMEMBERED, _SMALL_CHARS, Templates, shipped


def test_the_shipped_texts_are_templates_and_examples():
    names = set(shipped())

    assert {"system.j2", "task_cpu.j2", "task_cuda.j2", "example_cpu.py", "example_cuda.py"} <= names


def test_texts_are_what_they_were_given(templates):
    assert shipped() == templates.texts
    assert shipped()["example_reference.py"] == templates.text("example_reference.py")


def test_later_changes_to_the_given_mapping_do_not_reach_the_templates():
    given = {"a.j2": "old"}
    templates = Templates(given)

    given["a.j2"] = "new"

    assert "old" == templates.render("a.j2")


def test_values_are_never_read_as_templates():
    assert "{{ 7 * 7 }}" == Templates({"a.j2": "{{ text }}"}).render("a.j2", text="{{ 7 * 7 }}")


def test_equal_values_of_different_types_are_rendered_each_as_it_is():
    templates = Templates({"a.j2": "{{ value }}"})

    assert ["1", "True", "1.0", "1"] == [templates.render("a.j2", value=value) for value in (1, True, 1.0, 1)]


def test_what_was_rendered_from_a_long_value_is_not_remembered():
    templates = Templates({"a.j2": "{{ one }}{{ other }}"})
    longest = _SMALL_CHARS * "x"

    templates.render("a.j2", one="", other=f"{longest}x")
    templates.render("a.j2", one=10**_SMALL_CHARS, other="")
    templates.render("a.j2", one="", other=longest)

    assert [longest] == list(templates._rendered.values())


def test_no_more_texts_are_remembered_than_the_bound():
    templates = Templates({"a.j2": "{{ value }}"})
    remembered = []

    for value in range(2 * _REMEMBERED + 1):
        assert str(value) == templates.render("a.j2", value=value)
        remembered.append(len(templates._rendered))

    assert _REMEMBERED == max(remembered)
    assert "0" == templates.render("a.j2", value=0)


def test_values_are_not_escaped():
    assert 'a < b & "c"' == Templates({"a.j2": "{{ text }}"}).render("a.j2", text='a < b & "c"')


def test_a_malformed_template_is_named_with_its_line():
    with pytest.raises(UsageError, match=r"template a\.j2, line 2: "):
        Templates({"a.j2": "fine\n{% if %}"})


@pytest.mark.parametrize(
    "text",
    [
        "{{ unknown }}",
        "{{ text.__class__.__mro__ }}",
        "{{ range(3) }}",
        "{{ lipsum() }}",
        "{{ 1 / 0 }}",
        "{{ text + 1 }}",
        "{% include 'other.j2' %}",
    ],
)
def test_a_template_that_cannot_be_rendered_is_a_usage_error(text):
    templates = Templates({"a.j2": text})

    with pytest.raises(UsageError, match=r"template a\.j2 can't be rendered"):
        templates.render("a.j2", text="x")


def test_chance_is_not_available():
    with pytest.raises(UsageError, match="random"):
        Templates({"a.j2": "{{ [1, 2] | random }}"})


def test_a_missing_text_is_named(templates):
    with pytest.raises(UsageError, match=r"lack nowhere\.j2"):
        templates.render("nowhere.j2")
