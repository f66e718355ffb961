# problem: relu_add
# rows: isolation 46
# note: does much before it is called first, which costs no call anything
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        table = torch.arange(1 << 22, dtype=torch.float32)
        self.zero = float(table.sin().sum() * 0)

    def forward(self, x, y):
        return torch.clamp_min(x + y, self.zero)
