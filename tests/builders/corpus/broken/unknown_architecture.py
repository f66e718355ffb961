# expected: compiler_error: march=
import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
torch::Tensor f(torch::Tensor x) { return x; }
"""

module = load_inline(
    name="unknown_architecture", cpp_sources=source, functions=["f"], extra_cflags=["-O3", "-march=pentium9"]
)


class ModelNew(nn.Module):
    def forward(self, x):
        return module.f(x)
