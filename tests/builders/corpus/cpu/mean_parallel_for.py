import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
#include <ATen/Parallel.h>
torch::Tensor mean_last(torch::Tensor x) {
    auto in = x.contiguous();
    const int64_t n = in.size(-1), rows = in.numel() / n;
    auto sizes = in.sizes().vec();
    sizes.pop_back();
    auto out = torch::empty(sizes, in.options());
    const float* p = in.data_ptr<float>();
    float* q = out.data_ptr<float>();
    at::parallel_for(0, rows, 16, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            float total = 0;
            for (int64_t i = 0; i < n; ++i) total += p[r * n + i];
            q[r] = total / n;
        }
    });
    return out;
}
"""

mean_parallel_for_ext = load_inline(
    name="mean_parallel_for",
    cpp_sources=[source],
    functions=["mean_last"],
    extra_cflags=["-O3"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return mean_parallel_for_ext.mean_last(inputs[0])


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(9, 7, 13)]


def expected(model, *inputs):
    return inputs[0].mean(-1)
