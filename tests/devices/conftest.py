import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for contracts, which is no package
pytest.register_assert_rewrite("contracts.device_pool")
