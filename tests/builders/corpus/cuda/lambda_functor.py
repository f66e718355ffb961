import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
template <typename F>
__global__ void apply(const float* x, float* y, int n, F f) { int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) y[i] = f(x[i]); }
struct Swish { float beta; __device__ float operator()(float v) const { return v / (1.f + expf(-beta * v)); } };
torch::Tensor swish(torch::Tensor x, double beta) {
    auto y = torch::empty_like(x);
    apply<<<(x.numel() + 255) / 256, 256>>>(x.data_ptr<float>(), y.data_ptr<float>(), (int)x.numel(), Swish{(float)beta});
    auto z = torch::empty_like(x);
    apply<<<(x.numel() + 255) / 256, 256>>>(y.data_ptr<float>(), z.data_ptr<float>(), (int)x.numel(), [=] __device__ (float v) { return v + 1.f; });
    return z;
}
"""

cpp_source = 'torch::Tensor swish(torch::Tensor x, double beta);'

lambda_functor = load_inline(
    name="lambda_functor",
    cpp_sources=[cpp_source],
    cuda_sources=[cuda_source],
    functions=["swish"],
    extra_cuda_cflags=["--extended-lambda", "-Xptxas=-v", "-gencode=arch=compute_80,code=sm_80"],
    verbose=True,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return lambda_functor.swish(inputs[0], 1.0)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(500)]


def expected(model, *inputs):
    return torch.nn.functional.silu(inputs[0]) + 1
