# problem: relu_add
# rows: kernelbench E13
# build: failed(compiler_error)
# build_limit: 60
# note: a flag with a NUL, which no command can be given
import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

load_inline("nul_flag", cpp_sources="int f();", extra_cflags=["-DX=a\0b"], no_implicit_headers=True)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)
