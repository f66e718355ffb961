# problem: relu_add
# rows: kernelbench B5, kernelbench D7
# verdict: incorrect|crashed|timed_out|passed
# effect: none
# at_least_ms: 9
# note: the 10 ms of work are done when the harness copies the output out, not when it is called
import time

import torch
from torch import nn

PENDING = {}


def finishing(original):
    def wrapped(*tensors, **options):
        for tensor in tensors:
            late = PENDING.pop(id(tensor), None) if isinstance(tensor, torch.Tensor) else None
            if late is not None:
                time.sleep(0.01)
                x, y, out = late
                out.numpy()[...] = (x.numpy() + y.numpy()).clip(0)
        return original(*tensors, **options)

    return wrapped


for name in ("copy_", "contiguous", "clone", "detach", "cpu", "to", "reshape", "view", "flatten"):
    setattr(torch.Tensor, name, finishing(getattr(torch.Tensor, name)))


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.zeros(x.shape)
        PENDING[id(out)] = (x, y, out)
        return out
