# problem: relu_add
# rows: isolation 20
# verdict: crashed
# reason: exception:OSError
# note: opens files until it may not
import os

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        for _ in range(2_000_000):
            os.dup(1)
        return x
