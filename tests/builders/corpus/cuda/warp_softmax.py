import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
#include <cfloat>
#include <c10/cuda/CUDAGuard.h>
__inline__ __device__ float warp_max(float v) {
    for (int o = 16; o > 0; o /= 2) v = fmaxf(v, __shfl_xor_sync(0xffffffff, v, o));
    return v;
}
__inline__ __device__ float warp_sum(float v) {
    for (int o = 16; o > 0; o /= 2) v += __shfl_xor_sync(0xffffffff, v, o);
    return v;
}
__global__ void softmax_warp(const float* __restrict__ in, float* __restrict__ out, int rows, int cols) {
    const int row = blockIdx.x * blockDim.y + threadIdx.y;
    if (row >= rows) return;
    float m = -FLT_MAX, s = 0;
    for (int c = threadIdx.x; c < cols; c += 32) m = fmaxf(m, in[row * cols + c]);
    m = warp_max(m);
    for (int c = threadIdx.x; c < cols; c += 32) s += __expf(in[row * cols + c] - m);
    s = warp_sum(s);
    for (int c = threadIdx.x; c < cols; c += 32) out[row * cols + c] = __expf(in[row * cols + c] - m) / s;
}
at::Tensor softmax(at::Tensor x) {
    const at::cuda::OptionalCUDAGuard guard(device_of(x));
    auto y = at::empty_like(x);
    dim3 block(32, 4);
    softmax_warp<<<(x.size(0) + 3) / 4, block>>>(x.data_ptr<float>(), y.data_ptr<float>(), x.size(0), x.size(1));
    return y;
}
"""

cpp_source = 'at::Tensor softmax(at::Tensor x);'

warp_softmax = load_inline(
    name="warp_softmax",
    cpp_sources=[cpp_source],
    cuda_sources=[cuda_source],
    functions=["softmax"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return warp_softmax.softmax(inputs[0])


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(10, 100)]


def expected(model, *inputs):
    return torch.softmax(inputs[0], 1)
