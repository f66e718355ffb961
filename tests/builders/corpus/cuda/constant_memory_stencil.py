import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
__constant__ float taps[5];
__global__ void stencil(const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float s = 0;
    #pragma unroll
    for (int k = -2; k <= 2; ++k) if (i + k >= 0 && i + k < n) s += taps[k + 2] * x[i + k];
    y[i] = s;
}
torch::Tensor conv5(torch::Tensor x, torch::Tensor w) {
    auto y = torch::empty_like(x);
    auto host = w.to(torch::kCPU).contiguous();
    cudaMemcpyToSymbol(taps, host.data_ptr<float>(), 5 * sizeof(float));
    stencil<<<(x.numel() + 127) / 128, 128>>>(x.data_ptr<float>(), y.data_ptr<float>(), x.numel());
    cudaError_t err = cudaGetLastError();
    if (err != cudaSuccess) throw std::runtime_error(std::string("launch failed: ") + cudaGetErrorString(err));
    return y;
}
"""

cpp_source = 'torch::Tensor conv5(torch::Tensor x, torch::Tensor w);'

constant_memory_stencil = load_inline(
    name="constant_memory_stencil",
    cpp_sources=[cpp_source],
    cuda_sources=[cuda_source],
    functions=["conv5"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return constant_memory_stencil.conv5(inputs[0], inputs[1])


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(128), torch.randn(5)]


def expected(model, *inputs):
    return torch.nn.functional.conv1d(inputs[0][None, None], inputs[1][None, None], padding=2)[0, 0]
