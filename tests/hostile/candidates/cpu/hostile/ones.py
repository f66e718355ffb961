# problem: softmax_of_one
# rows: kernelbench B11
# verdict: passed
# findings: vacuous
# effect: none
# note: returns ones for a softmax over one element; it is right, and the problem tells nothing
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.ones_like(x)
