# expected: compiler_error: no_such_type
import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
#include <map>
template <int N> struct Deep { static auto get() { return Deep<N - 1>::get(); } };
template <> struct Deep<0> { static auto get() { return typename std::map<int, int>::no_such_type{}; } };
torch::Tensor f(torch::Tensor x) { return x + Deep<60>::get(); }
"""

module = load_inline(name="deep_template_error", cpp_sources=source, functions=["f"])


class ModelNew(nn.Module):
    def forward(self, x):
        return module.f(x)
