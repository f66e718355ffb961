# problem: relu_add
# rows: isolation 6
# build: failed(import_error)
# build_limit: 60
# note: functions in functions around a long list, before it calls a loader by another name
import torch
from torch import nn

load = "(lambda: " * 60 + "[" + "1," * 40_000 + "]" + ")" * 60
raise RuntimeError(load[:10])


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)
