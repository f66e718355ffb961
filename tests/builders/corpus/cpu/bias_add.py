import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
#include <torch/extension.h>
#include <vector>

torch::Tensor bias_add(torch::Tensor x, torch::Tensor bias) {
    TORCH_CHECK(x.dim() == 2, "x must be 2D, got ", x.dim(), "D with sizes ", x.sizes());
    TORCH_CHECK(bias.size(0) == x.size(1), "bias size mismatch");
    auto input = x.contiguous();
    auto output = torch::zeros({x.size(0), x.size(1)}, x.options());
    auto a = input.accessor<float, 2>();
    auto b = bias.accessor<float, 1>();
    auto y = output.accessor<float, 2>();
    #pragma omp parallel for
    for (int64_t i = 0; i < a.size(0); i++)
        for (int64_t j = 0; j < a.size(1); j++)
            y[i][j] = a[i][j] + b[j];
    return output;
}
"""

bias_add_ext = load_inline(
    name="bias_add",
    cpp_sources=[source],
    functions=["bias_add"],
    extra_cflags=["-O3", "-march=native", "-fopenmp"],
    extra_ldflags=["-fopenmp"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.randn(17))

    def forward(self, *inputs):
        return bias_add_ext.bias_add(inputs[0], self.bias)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(6, 17)]


def expected(model, *inputs):
    return inputs[0] + model.bias
