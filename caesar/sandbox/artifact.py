"""What a builder leaves for evaluators: a folder of extensions, and the environment it was built in."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

__all__ = ["MARK", "artifact_environment"]

MARK = "built.json"
"""The file that says that a folder's build is over, and how it went; written last."""


def artifact_environment(artifact: str) -> dict[str, str]:
    """The variables under which a candidate finds its extensions built, and nothing is compiled again.

    For `Job.env`: torch compares the compiler's command lines, which depend on some of them.
    """
    environment = {"TORCH_EXTENSIONS_DIR": artifact}
    with suppress(FileNotFoundError):
        environment.update(json.loads((Path(artifact) / MARK).read_text())["env"])
    return environment
