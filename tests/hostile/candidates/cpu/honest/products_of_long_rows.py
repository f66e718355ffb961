# problem: long_products
# rows: kernelbench B11
# note: products of rows in which only zeros are left
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.exp(torch.cumsum(torch.log(x.abs()), dim=1)) * torch.cumprod(x.sign(), dim=1)
