# problem: relu_add
# rows: isolation 4
# build: failed(no_model)
# note: defines another class than the one that was asked for
from torch import nn


class Model(nn.Module):
    def forward(self, x, y):
        return x + y
