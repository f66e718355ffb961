import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cpp_src = r"""
void leaky_relu_(torch::Tensor x, double slope) {
    TORCH_CHECK(x.is_contiguous());
    auto n = x.numel();
    auto* p = x.data_ptr<float>();
    #pragma omp simd
    for (int64_t i = 0; i < n; i++) p[i] = p[i] < 0 ? p[i] * (float)slope : p[i];
}
torch::Tensor leaky(torch::Tensor x, double slope) { auto y = x.clone(); leaky_relu_(y, slope); return y; }
"""

leaky_relu_inplace_ext = load_inline(
    name="leaky_relu_inplace",
    cpp_sources=cpp_src,
    functions=["leaky_relu_", "leaky"],
    extra_cflags=["-O3", "-fopenmp-simd", "-ffast-math"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.slope = 0.2

    def forward(self, *inputs):
        return leaky_relu_inplace_ext.leaky(inputs[0], self.slope)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(50)]


def expected(model, *inputs):
    return torch.nn.functional.leaky_relu(inputs[0], 0.2)
