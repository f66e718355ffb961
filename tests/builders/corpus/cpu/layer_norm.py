import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

kernel_code = r"""
#include <cmath>
torch::Tensor layer_norm_forward(torch::Tensor x, torch::Tensor weight, torch::Tensor bias, double eps) {
    auto xc = x.contiguous();
    int64_t n = weight.numel();
    int64_t rows = xc.numel() / n;
    auto out = torch::empty_like(xc);
    const float* px = xc.data_ptr<float>();
    const float* w = weight.data_ptr<float>();
    const float* b = bias.data_ptr<float>();
    float* po = out.data_ptr<float>();
    for (int64_t r = 0; r < rows; ++r) {
        double mean = 0, var = 0;
        for (int64_t i = 0; i < n; ++i) mean += px[r * n + i];
        mean /= n;
        for (int64_t i = 0; i < n; ++i) { double d = px[r * n + i] - mean; var += d * d; }
        const double rstd = 1.0 / std::sqrt(var / n + eps);
        for (int64_t i = 0; i < n; ++i) po[r * n + i] = float((px[r * n + i] - mean) * rstd) * w[i] + b[i];
    }
    return out;
}
"""

layer_norm_ext = load_inline(
    name="layer_norm",
    cpp_sources=[kernel_code],
    functions=["layer_norm_forward"],
    extra_cflags=["-O3"],
    verbose=False,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(24))
        self.bias = nn.Parameter(torch.randn(24))

    def forward(self, *inputs):
        return layer_norm_ext.layer_norm_forward(inputs[0], self.weight, self.bias, 1e-5)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(3, 4, 24)]


def expected(model, *inputs):
    return torch.nn.functional.layer_norm(inputs[0], (24,), model.weight, model.bias)
