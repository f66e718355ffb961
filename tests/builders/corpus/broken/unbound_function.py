# expected: compiler_error: backward
import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
torch::Tensor f(torch::Tensor x) { return x; }
"""

module = load_inline(name="unbound_function", cpp_sources=source, functions=["f", "backward"])


class ModelNew(nn.Module):
    def forward(self, x):
        return module.f(x)
