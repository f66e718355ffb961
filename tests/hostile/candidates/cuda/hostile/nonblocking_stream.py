# problem: relu_add
# rows: isolation 33, kernelbench D1
# verdict: passed|incorrect
# effect: none
# at_least_ms: 5
# note: a non-blocking stream, made in C++, that takes 10 ms and is not waited for
from torch import nn
from torch.utils.cpp_extension import load_inline

KERNEL = """
__global__ void wait(long cycles) {
    const long long start = clock64();
    while (clock64() - start < cycles) {}
}
__global__ void relu_add(const float* x, const float* y, float* out, long n) {
    long i = blockIdx.x * (long)blockDim.x + threadIdx.x;
    if (i < n) out[i] = fmaxf(x[i] + y[i], 0.0f);
}
void launch(const float* x, const float* y, float* out, long n) {
    static cudaStream_t stream = [] {
        cudaStream_t made;
        cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking);
        return made;
    }();
    wait<<<1, 1, 0, stream>>>(20000000L);
    relu_add<<<(n + 255) / 256, 256, 0, stream>>>(x, y, out, n);
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

native = load_inline("nonblocking_stream", cpp_sources=BINDING, cuda_sources=KERNEL, functions=["run"])


class ModelNew(nn.Module):
    def forward(self, x, y):
        return native.run(x, y)
