# problem: relu_add
# rows: isolation 1
# note: computes in numpy, over the memory of its inputs
import numpy
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        total = numpy.add(x.numpy(), y.numpy())
        return torch.from_numpy(numpy.maximum(total, 0, out=total))
