# problem: relu_add
# rows: isolation 9, kernelbench E1
# verdict: crashed
# reason: signal:6
# note: aborts in the middle of a call
import os

from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        os.abort()
