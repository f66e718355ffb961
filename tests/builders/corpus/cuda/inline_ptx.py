import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
__device__ __forceinline__ float ex2(float v) { float r; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(v)); return r; }
__global__ void exp2_kernel(const float* __restrict__ x, float* __restrict__ y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = ex2(__ldg(x + i));
}
torch::Tensor exp2_ptx(torch::Tensor x) {
    auto y = torch::empty_like(x, x.options());
    exp2_kernel<<<(x.numel() + 255) / 256, 256>>>(x.data_ptr<float>(), y.data_ptr<float>(), x.numel());
    return y;
}
"""

cpp_source = 'torch::Tensor exp2_ptx(torch::Tensor x);'

inline_ptx = load_inline(
    name="inline_ptx",
    cpp_sources=cpp_source,
    cuda_sources=cuda_source,
    functions=["exp2_ptx"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return inline_ptx.exp2_ptx(inputs[0])


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(256)]


def expected(model, *inputs):
    return torch.exp2(inputs[0])
