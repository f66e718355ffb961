import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
#include <cuda_fp16.h>
__global__ void hadd(const __half2* a, const __half2* b, __half2* c, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) c[i] = __hfma2(a[i], b[i], __float2half2_rn(1.0f));
}
torch::Tensor fma_half(torch::Tensor a, torch::Tensor b) {
    auto c = torch::empty_like(a);
    int n = a.numel() / 2;
    hadd<<<(n + 127) / 128, 128>>>(reinterpret_cast<const __half2*>(a.data_ptr<at::Half>()),
        reinterpret_cast<const __half2*>(b.data_ptr<at::Half>()), reinterpret_cast<__half2*>(c.data_ptr<at::Half>()), n);
    return c;
}
"""

cpp_source = 'torch::Tensor fma_half(torch::Tensor a, torch::Tensor b);'

half2_intrinsics = load_inline(
    name="half2_intrinsics",
    cpp_sources=cpp_source,
    cuda_sources=cuda_source,
    functions=["fma_half"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return half2_intrinsics.fma_half(inputs[0].half(), inputs[1].half())


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(64), torch.randn(64)]


def expected(model, *inputs):
    return (inputs[0].half().float() * inputs[1].half().float() + 1).half()
