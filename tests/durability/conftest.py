"""How hard to try: a little in CI, all of it by `make durability` (CAESAR_DURABILITY=full)."""

import os

import pytest


@pytest.fixture(scope="session")
def full():
    return os.environ.get("CAESAR_DURABILITY") == "full"
