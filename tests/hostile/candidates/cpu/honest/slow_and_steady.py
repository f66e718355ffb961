# problem: relu_add
# rows: kernelbench D10
# at_least_ms: 9
# note: takes 10 ms a call, as several hostile ones pretend not to
import time

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        time.sleep(0.01)
        return torch.relu(x + y)
