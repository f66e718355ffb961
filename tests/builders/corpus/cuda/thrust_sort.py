import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
#include <thrust/device_ptr.h>
#include <thrust/sort.h>
#include <thrust/execution_policy.h>
torch::Tensor sorted(torch::Tensor x) {
    auto y = x.clone();
    thrust::device_ptr<float> p(y.data_ptr<float>());
    thrust::sort(thrust::device, p, p + y.numel());
    return y;
}
"""

cpp_source = 'torch::Tensor sorted(torch::Tensor x);'

thrust_sort = load_inline(
    name="thrust_sort",
    cpp_sources=[cpp_source],
    cuda_sources=[cuda_source],
    functions=["sorted"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return thrust_sort.sorted(inputs[0])


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(1000)]


def expected(model, *inputs):
    return inputs[0].sort().values
