# problem: row_sum
# rows: isolation 40
# note: every second element of a larger buffer
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        wide = torch.stack((x.sum(dim=1), x.amax(dim=1)), dim=1)
        return wide[:, :1]
