# problem: nested_outputs
# rows: isolation 41
# note: returns a tuple within a tuple, as the reference does
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, state):
        hidden = (x + state).tanh_()
        cell = 1 / (1 + torch.exp(state - x))
        return hidden * cell, (hidden, cell)
