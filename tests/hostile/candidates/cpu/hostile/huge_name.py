# problem: relu_add
# rows: kernelbench E13
# build: failed(import_error)
# build_limit: 60
# note: an extension's name of 15 MB, in every message about it
import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

load_inline("a" * 15_000_000, cpp_sources="int f();", no_implicit_headers=True)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)
