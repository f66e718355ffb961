# problem: matmul
# rows: isolation 1
# note: a product over tiles in shared memory, with the kernel and the binding in sources of their own
from torch import nn
from torch.utils.cpp_extension import load_inline

KERNEL = """
constexpr int TILE = 16;
__global__ void matmul(const float* a, const float* b, float* out, int n) {
    __shared__ float left[TILE][TILE], right[TILE][TILE];
    const int row = blockIdx.y * TILE + threadIdx.y, column = blockIdx.x * TILE + threadIdx.x;
    float total = 0;
    for (int start = 0; start < n; start += TILE) {
        left[threadIdx.y][threadIdx.x] = a[row * n + start + threadIdx.x];
        right[threadIdx.y][threadIdx.x] = b[(start + threadIdx.y) * n + column];
        __syncthreads();
        for (int i = 0; i < TILE; ++i) total += left[threadIdx.y][i] * right[i][threadIdx.x];
        __syncthreads();
    }
    out[row * n + column] = total;
}
void launch(const float* a, const float* b, float* out, int n) {
    matmul<<<dim3(n / TILE, n / TILE), dim3(TILE, TILE)>>>(a, b, out, n);
}
"""

BINDING = """
void launch(const float* a, const float* b, float* out, int n);
torch::Tensor run(torch::Tensor a, torch::Tensor b) {
    auto out = torch::empty_like(a);
    launch(a.data_ptr<float>(), b.data_ptr<float>(), out.data_ptr<float>(), a.size(0));
    return out;
}
"""

native = load_inline("tiled_product", cpp_sources=BINDING, cuda_sources=KERNEL, functions=["run"])


class ModelNew(nn.Module):
    def forward(self, a, b):
        return native.run(a, b)
