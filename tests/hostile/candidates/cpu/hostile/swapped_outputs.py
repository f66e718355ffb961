# problem: nested_outputs
# rows: isolation 41
# verdict: incorrect
# reason: values
# note: two outputs of one shape in the wrong order
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, state):
        hidden = torch.tanh(x + state)
        cell = torch.sigmoid(x - state)
        return hidden * cell, (cell, hidden)
