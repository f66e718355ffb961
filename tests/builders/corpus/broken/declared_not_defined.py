# expected: import_error: undefined symbol
import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
torch::Tensor helper(torch::Tensor x);
torch::Tensor f(torch::Tensor x) { return helper(x); }
"""

module = load_inline(name="declared_not_defined", cpp_sources=source, functions=["f"])


class ModelNew(nn.Module):
    def forward(self, x):
        return module.f(x)
