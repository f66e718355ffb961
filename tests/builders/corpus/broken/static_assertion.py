# expected: compiler_error: only doubles
import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
template <typename T> T id(T v) { static_assert(std::is_same_v<T, double>, "only doubles"); return v; }
torch::Tensor f(torch::Tensor x) { return x + id(1); }
"""

module = load_inline(name="static_assertion", cpp_sources=source, functions=["f"])


class ModelNew(nn.Module):
    def forward(self, x):
        return module.f(x)
