# problem: relu_add
# rows: kernelbench D10
# at_least_ms: 8
# note: takes 10 ms a call, as several hostile ones pretend not to
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        torch.cuda._sleep(20_000_000)
        return torch.relu(x + y)
