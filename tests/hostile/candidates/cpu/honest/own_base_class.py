# problem: row_softmax
# rows: kernelbench A4
# note: inherits from a base class and a mixin of its own, by super and a class attribute
import torch
from torch import nn


class Normalised:
    dim = -1

    def normalised(self, powers):
        return powers / powers.sum(dim=self.dim, keepdim=True)


class Base(nn.Module, Normalised):
    def forward(self, x):
        return self.normalised(self.powers(x))

    def powers(self, x):
        raise NotImplementedError


class ModelNew(Base):
    def powers(self, x):
        return torch.exp(x - x.max(dim=self.dim, keepdim=True).values)
