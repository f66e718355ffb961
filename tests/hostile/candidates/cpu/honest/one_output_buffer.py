# problem: relu_add
# rows: kernelbench B1
# note: writes every output to the same buffer, which it returns every time
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = None

    def forward(self, x, y):
        if self.out is None or self.out.shape != x.shape:
            self.out = torch.empty_like(x)
        torch.add(x, y, out=self.out)
        return self.out.clamp_(min=0)
