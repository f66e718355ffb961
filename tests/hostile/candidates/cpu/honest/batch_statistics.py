# problem: batch_norm
# rows: kernelbench C8
# note: computes the batch's statistics by hand, and leaves the running ones alone
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x):
        variance, mean = torch.var_mean(x, dim=0, unbiased=False)
        scale = self.norm.weight * torch.rsqrt(variance + self.norm.eps)
        return torch.addcmul(self.norm.bias - mean * scale, x, scale)
