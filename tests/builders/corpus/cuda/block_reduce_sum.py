import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
#include <torch/extension.h>
#include <ATen/cuda/CUDAContext.h>
template <int BLOCK>
__global__ void row_sum(const float* x, float* out, int cols) {
    __shared__ float shared[BLOCK];
    const float* row = x + (size_t)blockIdx.x * cols;
    float sum = 0.f;
    for (int c = threadIdx.x; c < cols; c += BLOCK) sum += row[c];
    shared[threadIdx.x] = sum;
    __syncthreads();
    #pragma unroll
    for (int s = BLOCK / 2; s > 0; s >>= 1) {
        if (threadIdx.x < s) shared[threadIdx.x] += shared[threadIdx.x + s];
        __syncthreads();
    }
    if (threadIdx.x == 0) out[blockIdx.x] = shared[0];
}
torch::Tensor row_sum_cuda(torch::Tensor x) {
    auto out = torch::empty({x.size(0)}, x.options());
    row_sum<256><<<x.size(0), 256, 0, at::cuda::getCurrentCUDAStream()>>>(x.data_ptr<float>(), out.data_ptr<float>(), x.size(1));
    AT_CUDA_CHECK(cudaGetLastError());
    return out;
}
"""

cpp_source = 'torch::Tensor row_sum_cuda(torch::Tensor x);'

block_reduce_sum = load_inline(
    name="block_reduce_sum",
    cpp_sources=cpp_source,
    cuda_sources=cuda_source,
    functions=["row_sum_cuda"],
    with_cuda=True,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return block_reduce_sum.row_sum_cuda(inputs[0])


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(16, 700)]


def expected(model, *inputs):
    return inputs[0].sum(1)
