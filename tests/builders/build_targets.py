"""What the builders' tests run in children."""

import json
from collections.abc import Callable
from pathlib import Path

from caesar.sandbox.candidate import MODULE, load_candidate
from caesar.sandbox.extensions import serve


def load(payload: bytes, reply: Callable[[bytes], None]) -> None:
    artifact, source = json.loads(payload)
    serve(Path(artifact))
    module = load_candidate(source, folder=Path.cwd(), name=MODULE)
    reply(str(module.ModelNew.answer).encode())
