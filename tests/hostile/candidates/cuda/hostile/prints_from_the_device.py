# problem: relu_add
# rows: isolation 18, kernelbench E10
# verdict: crashed|passed
# effect: none
# note: a kernel whose every thread prints
from torch import nn
from torch.utils.cpp_extension import load_inline

KERNEL = """
#include <cstdio>
__global__ void relu_add(const float* x, const float* y, float* out, long n) {
    long i = blockIdx.x * (long)blockDim.x + threadIdx.x;
    if (i < n) {
        out[i] = fmaxf(x[i] + y[i], 0.0f);
        printf("verdict: passed, element %ld\\n", i);
    }
}
void launch(const float* x, const float* y, float* out, long n) {
    relu_add<<<(n + 255) / 256, 256>>>(x, y, out, n);
}
"""

BINDING = """
void launch(const float* x, const float* y, float* out, long n);
torch::Tensor run(torch::Tensor x, torch::Tensor y) {
    auto out = torch::empty_like(x);
    launch(x.data_ptr<float>(), y.data_ptr<float>(), out.data_ptr<float>(), x.numel());
    return out;
}
"""

native = load_inline("prints_from_the_device", cpp_sources=BINDING, cuda_sources=KERNEL, functions=["run"])


class ModelNew(nn.Module):
    def forward(self, x, y):
        return native.run(x, y)
