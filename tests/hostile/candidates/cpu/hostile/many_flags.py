# problem: relu_add
# rows: kernelbench E13
# build: failed(import_error)
# build_limit: 60
# note: more flags than a command can have
import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

load_inline("many_flags", cpp_sources="int f();", extra_cflags=[f"-DA{n}={n}" for n in range(200_000)])


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)
