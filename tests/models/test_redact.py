from hypothesis import given
from hypothesis import strategies as st

from caesar.models.redact import redacted


def test_the_value_of_a_key_becomes_its_name():
    assert "refused [SOME_API_KEY]!" == redacted("refused abc-12345!", {"SOME_API_KEY": "abc-12345"})


def test_a_longer_secret_is_replaced_before_one_it_contains():
    environ = {"A_TOKEN": "secret-1", "B_TOKEN": "secret-1-and-more"}

    assert "[B_TOKEN] [A_TOKEN]" == redacted("secret-1-and-more secret-1", environ)


def test_other_variables_and_short_values_stay():
    environ = {"HOME": "/home/me", "USE_KEY": "true", "GIT_AUTHOR_NAME": "Someone"}

    assert "true /home/me Someone" == redacted("true /home/me Someone", environ)


def test_words_of_a_keys_shape_go_even_if_the_environment_has_no_such_key():
    text = "sk-proj-abcdefghij Bearer abc.def, at https://me:mine@host/v1"

    assert "[key] Bearer [key], at https://[login]@host/v1" == redacted(text, {})


@given(secret=st.text(st.characters(categories=["Lu", "Nd"]), min_size=20), around=st.text())
def test_no_key_survives_in_any_text(secret, around):
    text = redacted(f"{around}{secret}{around}", {"OPENAI_API_KEY": secret})

    assert secret not in text
