# expected: compiler_error: identifier
import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
torch::Tensor f(torch::Tensor x) { return x; }
"""

module = load_inline(name="my-extension", cpp_sources=source, functions=["f"])


class ModelNew(nn.Module):
    def forward(self, x):
        return module.f(x)
