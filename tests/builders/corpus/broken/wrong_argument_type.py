# expected: compiler_error: f
import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
torch::Tensor g(std::vector<int> v) { return torch::zeros({1}); }
torch::Tensor f(torch::Tensor x) { return g("abc"); }
"""

module = load_inline(name="wrong_argument_type", cpp_sources=source, functions=["f"])


class ModelNew(nn.Module):
    def forward(self, x):
        return module.f(x)
