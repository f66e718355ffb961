# problem: plain_attribute
# rows: kernelbench B11
# note: holds a tensor that is neither parameter nor buffer, as the reference does
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.linspace(0.5, 1.5, 512 * 256).reshape(512, 256).mT.contiguous()

    def forward(self, x):
        return torch.relu(torch.nn.functional.linear(x, self.scale))
