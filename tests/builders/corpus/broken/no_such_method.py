# expected: compiler_error: shape
import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
torch::Tensor f(torch::Tensor x) { return x.view(x.shape()); }
"""

module = load_inline(name="no_such_method", cpp_sources=source, functions=["f"])


class ModelNew(nn.Module):
    def forward(self, x):
        return module.f(x)
