import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

__global__ void add_residual_kernel(const float* __restrict__ x, const float* __restrict__ residual,
                                    const float* __restrict__ offset, float* __restrict__ out,
                                    int64_t count, int64_t features) {
    const int64_t stride = int64_t(gridDim.x) * blockDim.x;
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) {
        out[i] = x[i] + residual[i] + offset[i % features];
    }
}

torch::Tensor add_residual(torch::Tensor x, torch::Tensor residual, torch::Tensor offset) {
    TORCH_CHECK(x.is_cuda() && x.scalar_type() == torch::kFloat32, "float32 on a GPU expected");
    x = x.contiguous();
    residual = residual.contiguous();
    offset = offset.contiguous();
    auto out = torch::empty_like(x);

    // one pass over memory instead of two, without the temporary
    const int64_t count = x.numel();
    const int threads = 256;
    const int blocks = int(std::min<int64_t>((count + threads - 1) / threads, 65536));
    add_residual_kernel<<<blocks, threads, 0, c10::cuda::getCurrentCUDAStream()>>>(
        x.data_ptr<float>(), residual.data_ptr<float>(), offset.data_ptr<float>(),
        out.data_ptr<float>(), count, offset.numel());
    C10_CUDA_KERNEL_LAUNCH_CHECK();
    return out;
}
"""

cpp_source = "torch::Tensor add_residual(torch::Tensor x, torch::Tensor residual, torch::Tensor offset);"

kernels = load_inline(
    name="add_residual_cuda",
    cpp_sources=cpp_source,
    cuda_sources=cuda_source,
    functions=["add_residual"],
    extra_cflags=["-O3"],
    extra_cuda_cflags=["-O3"],
)


class ModelNew(nn.Module):
    def __init__(self, features: int):
        super().__init__()
        self.offset = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        return kernels.add_residual(x, residual, self.offset)
