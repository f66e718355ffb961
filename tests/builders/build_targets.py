"""What the builders' tests run in children."""

import hashlib
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


def compute(payload: bytes, reply: Callable[[bytes], None]) -> None:
    """Load a candidate of the corpus; say whether it computes what it should, then a digest of its outputs."""
    import torch

    artifact, source = json.loads(payload)
    serve(Path(artifact))
    module = load_candidate(source, folder=Path.cwd(), name=MODULE)
    torch.manual_seed(0)
    model = module.ModelNew(*module.get_init_inputs())
    inputs = module.get_inputs()
    with torch.no_grad():
        got = _flat(model(*[tensor.clone() for tensor in inputs]))
        wanted = _flat(module.expected(model, *inputs))
    close = all(
        torch.allclose(a.float(), b.float(), rtol=1e-3, atol=1e-3) for a, b in zip(got, wanted, strict=True)
    )
    reply(str(close).encode())
    digest = hashlib.sha256()
    for tensor in got:
        digest.update(tensor.reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
    reply(digest.hexdigest().encode())


def _flat(value: object) -> list:
    return [value] if hasattr(value, "dtype") else list(value)
