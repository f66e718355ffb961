# problem: relu_add
# rows: isolation 35, kernelbench B3
# verdict: incorrect
# reason: input_mutated
# findings: input_mutated
# note: computes the right output in the place of an input
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        return x.add_(y).relu_()
