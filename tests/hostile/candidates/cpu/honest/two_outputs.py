# problem: two_outputs
# rows: isolation 41
# note: a value and a 64-bit index
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        places = x.argmax(dim=1)
        return x.gather(1, places[:, None])[:, 0], places
