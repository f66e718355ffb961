import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAGuard.h>
__global__ void square(const float* x, float* y, int n) { int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) y[i] = x[i] * x[i]; }
torch::Tensor square_on_stream(torch::Tensor x) {
    c10::cuda::CUDAGuard device_guard(x.device());
    cudaStream_t stream = at::cuda::getCurrentCUDAStream(x.get_device()).stream();
    auto y = torch::empty(x.sizes(), x.options());
    const int sms = at::cuda::getCurrentDeviceProperties()->multiProcessorCount;
    TORCH_CHECK(sms > 0);
    square<<<(x.numel() + 255) / 256, 256, 0, stream>>>(x.data_ptr<float>(), y.data_ptr<float>(), x.numel());
    C10_CUDA_CHECK(cudaGetLastError());
    return y;
}
"""

cpp_source = 'torch::Tensor square_on_stream(torch::Tensor x);'

streams_and_guard = load_inline(
    name="streams_and_guard",
    cpp_sources=[cpp_source],
    cuda_sources=[cuda_source],
    functions=["square_on_stream"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return streams_and_guard.square_on_stream(inputs[0])


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(77)]


def expected(model, *inputs):
    return inputs[0] ** 2
