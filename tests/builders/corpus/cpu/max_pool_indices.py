import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cpp_source = r"""
#include <tuple>
#include <limits>
std::tuple<torch::Tensor, torch::Tensor> max_pool(torch::Tensor x, int k) {
    TORCH_CHECK(x.is_contiguous(), "x must be contiguous");
    auto rows = x.size(0); auto n = x.size(1) / k;
    auto values = torch::empty({rows, n}, x.options());
    auto indices = torch::empty({rows, n}, x.options().dtype(torch::kInt64));
    auto p = x.data_ptr<float>(); auto v = values.data_ptr<float>(); auto ix = indices.data_ptr<int64_t>();
    for (int64_t r = 0; r < rows; ++r) for (int64_t i = 0; i < n; ++i) {
        float best = -std::numeric_limits<float>::max(); int64_t at = 0;
        for (int64_t j = i * k; j < (i + 1) * k; ++j) if (p[r * x.size(1) + j] > best) { best = p[r * x.size(1) + j]; at = j; }
        v[r * n + i] = best; ix[r * n + i] = at;
    }
    return std::make_tuple(values, indices);
}
"""

max_pool_indices_ext = load_inline(
    name="max_pool_indices",
    cpp_sources=cpp_source,
    functions=["max_pool"],
    verbose=False,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return max_pool_indices_ext.max_pool(inputs[0], 4)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(3, 32)]


def expected(model, *inputs):
    return torch.nn.functional.max_pool1d(inputs[0], 4, return_indices=True)
