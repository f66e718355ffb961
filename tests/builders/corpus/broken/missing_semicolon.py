# expected: compiler_error: main.cpp:3
import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
torch::Tensor f(torch::Tensor x) {
    auto y = x + 1
    return y;
}
"""

module = load_inline(name="missing_semicolon", cpp_sources=source, functions=["f"])


class ModelNew(nn.Module):
    def forward(self, x):
        return module.f(x)
