# problem: relu_add
# rows: isolation 12, kernelbench E4
# verdict: timed_out
# reason: time_limit
# limit: 8
# note: never returns from a call
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        while True:
            pass
