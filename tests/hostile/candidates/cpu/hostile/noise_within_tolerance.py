# problem: relu_add
# rows: kernelbench B2, kernelbench C3
# verdict: passed|incorrect
# effect: none
# note: the right output, and random noise of half the tolerance: a sum in another order each time looks like that
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.chance = torch.Generator()
        self.chance.seed()

    def forward(self, x, y):
        noise = torch.rand(x.shape, generator=self.chance)
        return torch.relu(x + y) + 5e-5 * noise
