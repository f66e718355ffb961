# expected: compiler_error: kernel
import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
#include <vector>
__global__ void k(float* y) { std::vector<float> v(3); v.push_back(1); y[0] = v[0]; }
torch::Tensor f(torch::Tensor x) { k<<<1, 1>>>(x.data_ptr<float>()); return x; }
"""

module = load_inline(name="cuda_host_call_in_kernel", cpp_sources='torch::Tensor f(torch::Tensor x);', cuda_sources=cuda_source, functions=["f"])


class ModelNew(nn.Module):
    def forward(self, x):
        return module.f(x)
