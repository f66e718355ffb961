# expected: compiler_error: lenght
import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
torch::Tensor f(torch::Tensor x) { int n = lenght(x); return x * n; }
"""

module = load_inline(name="undeclared_name", cpp_sources=source, functions=["f"])


class ModelNew(nn.Module):
    def forward(self, x):
        return module.f(x)
