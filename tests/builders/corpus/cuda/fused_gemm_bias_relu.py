import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
#include <ATen/ATen.h>
__global__ void bias_relu(float* y, const float* b, int rows, int cols) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < rows * cols) { float v = y[i] + b[i % cols]; y[i] = v > 0.f ? v : 0.f; }
}
at::Tensor forward(at::Tensor x, at::Tensor w, at::Tensor b) {
    auto y = at::matmul(x, w.t()).contiguous();
    bias_relu<<<(y.numel() + 255) / 256, 256>>>(y.data_ptr<float>(), b.data_ptr<float>(), y.size(0), y.size(1));
    return y;
}
"""

cpp_source = 'at::Tensor forward(at::Tensor x, at::Tensor w, at::Tensor b);'

fused_gemm_bias_relu = load_inline(
    name="fused_gemm_bias_relu",
    cpp_sources=cpp_source,
    cuda_sources=cuda_source,
    functions={"forward": "Linear, then ReLU"},
    with_cuda=True,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(8, 20), requires_grad=False)
        self.b = nn.Parameter(torch.randn(8), requires_grad=False)

    def forward(self, *inputs):
        return fused_gemm_bias_relu.forward(inputs[0], self.w, self.b)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(12, 20)]


def expected(model, *inputs):
    return torch.relu(torch.nn.functional.linear(inputs[0], model.w, model.b))
