# problem: largest_index
# rows: kernelbench B13
# note: of equal elements names the last, not the first, which nothing says it should
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x.shape[1] - 1 - torch.argmax(x.flip(1), dim=1)
