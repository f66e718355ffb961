# problem: row_sum
# rows: isolation 1
# note: atomic additions, whose order differs from call to call
from torch import nn
from torch.utils.cpp_extension import load_inline

KERNEL = """
__global__ void row_sum(const float* x, float* out, int columns) {
    float total = 0;
    const long start = blockIdx.x * (long)columns;
    for (int i = blockIdx.y * blockDim.x + threadIdx.x; i < columns; i += gridDim.y * blockDim.x) total += x[start + i];
    for (int offset = 16; offset > 0; offset /= 2) total += __shfl_down_sync(0xffffffff, total, offset);
    if (threadIdx.x % 32 == 0) atomicAdd(out + blockIdx.x, total);
}
void launch(const float* x, float* out, int rows, int columns) {
    row_sum<<<dim3(rows, 2), 128>>>(x, out, columns);
}
"""

BINDING = """
void launch(const float* x, float* out, int rows, int columns);
torch::Tensor run(torch::Tensor x) {
    auto out = torch::zeros({x.size(0), 1}, x.options());
    launch(x.data_ptr<float>(), out.data_ptr<float>(), x.size(0), x.size(1));
    return out;
}
"""

native = load_inline("atomic_sum", cpp_sources=BINDING, cuda_sources=KERNEL, functions=["run"])


class ModelNew(nn.Module):
    def forward(self, x):
        return native.run(x)
