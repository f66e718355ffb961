import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
#include <cub/cub.cuh>
__global__ void block_mean(const float* x, float* y, int n) {
    using Reduce = cub::BlockReduce<float, 128>;
    __shared__ typename Reduce::TempStorage temp;
    float s = 0;
    for (int i = threadIdx.x; i < n; i += 128) s += x[blockIdx.x * n + i];
    s = Reduce(temp).Sum(s);
    if (threadIdx.x == 0) y[blockIdx.x] = s / n;
}
torch::Tensor mean_rows(torch::Tensor x) {
    auto y = torch::empty({x.size(0)}, x.options());
    block_mean<<<x.size(0), 128>>>(x.data_ptr<float>(), y.data_ptr<float>(), x.size(1));
    return y;
}
"""

cpp_source = 'torch::Tensor mean_rows(torch::Tensor x);'

cub_reduce = load_inline(
    name="cub_reduce",
    cpp_sources=cpp_source,
    cuda_sources=cuda_source,
    functions=["mean_rows"],
    with_cuda=True,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return cub_reduce.mean_rows(inputs[0])


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(6, 500)]


def expected(model, *inputs):
    return inputs[0].mean(1)
