# problem: relu_add
# rows: isolation 35, kernelbench B3
# verdict: incorrect
# reason: input_mutated
# findings: input_mutated
# note: returns the right output, and changes one element of an input
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.relu(x + y)
        y[-1, -1] = 0.0
        return out
