# problem: relu_add
# rows: isolation 41
# verdict: incorrect|crashed|timed_out
# limit: 20
# note: a list that contains itself, over and over
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = [torch.relu(x + y)]
        out.append(out)
        return out
