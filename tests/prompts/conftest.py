import pytest

from caesar.prompts.texts import Templates


@pytest.fixture(scope="session")
def templates():
    return Templates.shipped()
