# problem: relu_add
# rows: isolation 33
# note: vectorised loads, the current stream, a check after the launch
from torch import nn
from torch.utils.cpp_extension import load_inline

SOURCE = """
#include <torch/extension.h>
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>

__global__ void kernel(const float4* __restrict__ x, const float4* __restrict__ y, float4* out, long n) {
    const long i = blockIdx.x * (long)blockDim.x + threadIdx.x;
    if (i >= n) return;
    const float4 a = __ldg(x + i), b = __ldg(y + i);
    out[i] = make_float4(
        fmaxf(a.x + b.x, 0.f), fmaxf(a.y + b.y, 0.f), fmaxf(a.z + b.z, 0.f), fmaxf(a.w + b.w, 0.f));
}

torch::Tensor run(torch::Tensor x, torch::Tensor y) {
    const at::cuda::CUDAGuard guard(x.device());
    auto out = torch::empty_like(x);
    const long n = x.numel() / 4;
    kernel<<<(n + 255) / 256, 256, 0, at::cuda::getCurrentCUDAStream()>>>(
        reinterpret_cast<const float4*>(x.data_ptr<float>()),
        reinterpret_cast<const float4*>(y.data_ptr<float>()),
        reinterpret_cast<float4*>(out.data_ptr<float>()), n);
    C10_CUDA_KERNEL_LAUNCH_CHECK();
    return out;
}
"""

native = load_inline(
    name="current_stream",
    cpp_sources="torch::Tensor run(torch::Tensor x, torch::Tensor y);",
    cuda_sources=SOURCE,
    functions=["run"],
)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return native.run(x.contiguous(), y.contiguous())
