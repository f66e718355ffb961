# problem: relu_add
# rows: isolation 49, kernelbench B2
# verdict: incorrect|crashed
# note: a block of 2048 threads and more shared memory than there is: nothing runs, and nobody asks
from torch import nn
from torch.utils.cpp_extension import load_inline

KERNEL = """
__global__ void relu_add(const float* x, const float* y, float* out, long n) {
    extern __shared__ float tile[];
    long i = blockIdx.x * (long)blockDim.x + threadIdx.x;
    tile[threadIdx.x] = 0;
    if (i < n) out[i] = fmaxf(x[i] + y[i], tile[threadIdx.x]);
}
void launch(const float* x, const float* y, float* out, long n) {
    relu_add<<<(n + 2047) / 2048, 2048, 512 << 10>>>(x, y, out, n);
    cudaGetLastError();
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

native = load_inline("launch_refused", cpp_sources=BINDING, cuda_sources=KERNEL, functions=["run"])


class ModelNew(nn.Module):
    def forward(self, x, y):
        return native.run(x, y)
