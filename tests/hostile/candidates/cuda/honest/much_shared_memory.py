# problem: row_sum
# rows: kernelbench B2
# note: more shared memory than the default limit, asked for as it should be
from torch import nn
from torch.utils.cpp_extension import load_inline

KERNEL = """
__global__ void row_sum(const float* x, float* out, int columns) {
    extern __shared__ float row[];
    for (int i = threadIdx.x; i < columns; i += blockDim.x) row[i] = x[blockIdx.x * (long)columns + i];
    __syncthreads();
    for (int size = columns / 2; size > 0; size /= 2) {
        for (int i = threadIdx.x; i < size; i += blockDim.x) row[i] += row[i + size];
        __syncthreads();
    }
    if (threadIdx.x == 0) out[blockIdx.x] = row[0];
}
int launch(const float* x, float* out, int rows, int columns) {
    const int bytes = 96 << 10;
    cudaFuncSetAttribute(row_sum, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    row_sum<<<rows, 256, bytes>>>(x, out, columns);
    return cudaGetLastError();
}
"""

BINDING = """
int launch(const float* x, float* out, int rows, int columns);
torch::Tensor run(torch::Tensor x) {
    auto out = torch::empty({x.size(0), 1}, x.options());
    TORCH_CHECK(launch(x.data_ptr<float>(), out.data_ptr<float>(), x.size(0), x.size(1)) == 0, "not launched");
    return out;
}
"""

native = load_inline("much_shared_memory", cpp_sources=BINDING, cuda_sources=KERNEL, functions=["run"])


class ModelNew(nn.Module):
    def forward(self, x):
        return native.run(x)
