# problem: wide_softmax
# rows: kernelbench B11
# note: takes exponentials and divides by their sum, the largest off first
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        exponentials = torch.exp(x - x.amax(dim=-1, keepdim=True))
        return exponentials / exponentials.sum(dim=-1, keepdim=True)
