"""What the builders' tests run in children."""

from collections.abc import Callable
from pathlib import Path

from caesar.sandbox.candidate import MODULE, load_candidate


def load(payload: bytes, reply: Callable[[bytes], None]) -> None:
    module = load_candidate(payload.decode(), folder=Path.cwd(), name=MODULE)
    reply(str(module.ModelNew.answer).encode())
