# problem: relu_add
# rows: isolation 35
# note: works in place, on a copy
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        own = x.clone()
        own += y
        own.clamp_(min=0)
        return own
