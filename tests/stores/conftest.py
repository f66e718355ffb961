import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for contracts, which is no package
pytest.register_assert_rewrite("contracts.eventlog")


@pytest.fixture
def store(tmp_path):
    """Where a store may be made; its folder does not exist yet."""
    return tmp_path / "runs" / "caesar.db"
