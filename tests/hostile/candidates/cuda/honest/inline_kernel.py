# problem: relu_add
# rows: isolation 1
# note: the ordinary candidate: one kernel by load_inline, on the default stream
from torch import nn
from torch.utils.cpp_extension import load_inline

SOURCE = """
#include <torch/extension.h>
#include <cuda_runtime.h>

__global__ void relu_add_kernel(const float* x, const float* y, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = fmaxf(x[i] + y[i], 0.0f);
}

torch::Tensor relu_add(torch::Tensor x, torch::Tensor y) {
    TORCH_CHECK(x.is_cuda() && y.is_cuda(), "inputs must be on the device");
    auto out = torch::empty_like(x);
    const int n = x.numel();
    relu_add_kernel<<<(n + 255) / 256, 256>>>(x.data_ptr<float>(), y.data_ptr<float>(), out.data_ptr<float>(), n);
    return out;
}
"""

native = load_inline(
    name="inline_kernel",
    cpp_sources="torch::Tensor relu_add(torch::Tensor x, torch::Tensor y);",
    cuda_sources=SOURCE,
    functions=["relu_add"],
    verbose=False,
    extra_cuda_cflags=["-O3", "--use_fast_math"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.native = native

    def forward(self, x, y):
        return self.native.relu_add(x, y)
