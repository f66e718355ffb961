# problem: relu_add
# rows: isolation 18
# note: prints at every call, to both streams, and warns
import sys
import warnings

import torch
from torch import nn

print("imported")


class ModelNew(nn.Module):
    def forward(self, x, y):
        print("called with", tuple(x.shape))
        print("still here", file=sys.stderr, flush=True)
        warnings.warn("this is only a warning", stacklevel=1)
        return torch.relu(x + y)
