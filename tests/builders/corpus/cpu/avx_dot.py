import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

kernel_code = r"""
#include <immintrin.h>
torch::Tensor rowdot(torch::Tensor a, torch::Tensor b) {
    const int64_t rows = a.size(0), n = a.size(1);
    auto out = torch::empty({rows}, a.options());
    for (int64_t r = 0; r < rows; ++r) {
        const float* x = a.data_ptr<float>() + r * n;
        const float* y = b.data_ptr<float>() + r * n;
        __m256 acc = _mm256_setzero_ps();
        int64_t i = 0;
        for (; i + 8 <= n; i += 8) acc = _mm256_fmadd_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i), acc);
        alignas(32) float lanes[8];
        _mm256_store_ps(lanes, acc);
        float s = 0;
        for (float v : lanes) s += v;
        for (; i < n; ++i) s += x[i] * y[i];
        out.data_ptr<float>()[r] = s;
    }
    return out;
}
"""

avx_dot_ext = load_inline(
    name="avx_dot",
    cpp_sources=[kernel_code],
    functions=["rowdot"],
    extra_cflags=["-O3", "-mavx2", "-mfma"],
    verbose=False,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return avx_dot_ext.rowdot(inputs[0], inputs[1])


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(5, 37), torch.randn(5, 37)]


def expected(model, *inputs):
    return (inputs[0] * inputs[1]).sum(1)
