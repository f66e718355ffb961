import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cpp_source = r"""
torch::Tensor cumsum_rows(torch::Tensor x) {
    auto y = x.clone();
    float* p = y.data_ptr<float>();
    const int64_t n = y.size(1);
    for (int64_t r = 0; r < y.size(0); ++r)
        for (int64_t i = 1; i < n; ++i) p[r * n + i] += p[r * n + i - 1];
    return y;
}
torch::Tensor cumprod_rows(torch::Tensor x) { return torch::cumprod(x, 1); }
"""

cumsum_documented_ext = load_inline(
    name="cumsum_documented",
    cpp_sources=cpp_source,
    functions={"cumsum_rows": "Inclusive sums along rows", "cumprod_rows": "Inclusive products along rows"},
    verbose=False,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return (cumsum_documented_ext.cumsum_rows(inputs[0]), cumsum_documented_ext.cumprod_rows(inputs[0]))


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(4, 9)]


def expected(model, *inputs):
    return (inputs[0].cumsum(1), inputs[0].cumprod(1))
