# problem: row_softmax
# rows: isolation 1
# note: a warp for each row, with shuffles
from torch import nn
from torch.utils.cpp_extension import load_inline

KERNEL = """
__global__ void softmax(const float* x, float* out, int rows, int columns) {
    const int row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= rows) return;
    const float* from = x + row * (long)columns;
    float* to = out + row * (long)columns;
    float largest = -INFINITY;
    for (int i = lane; i < columns; i += 32) largest = fmaxf(largest, from[i]);
    for (int offset = 16; offset > 0; offset /= 2)
        largest = fmaxf(largest, __shfl_xor_sync(0xffffffff, largest, offset));
    float total = 0;
    for (int i = lane; i < columns; i += 32) total += expf(from[i] - largest);
    for (int offset = 16; offset > 0; offset /= 2) total += __shfl_xor_sync(0xffffffff, total, offset);
    for (int i = lane; i < columns; i += 32) to[i] = expf(from[i] - largest) / total;
}
void launch(const float* x, float* out, int rows, int columns) {
    softmax<<<(rows + 3) / 4, 128>>>(x, out, rows, columns);
}
"""

BINDING = """
void launch(const float* x, float* out, int rows, int columns);
torch::Tensor run(torch::Tensor x) {
    auto out = torch::empty_like(x);
    launch(x.data_ptr<float>(), out.data_ptr<float>(), x.size(0), x.size(1));
    return out;
}
"""

native = load_inline("warp_softmax", cpp_sources=BINDING, cuda_sources=KERNEL, functions=["run"])


class ModelNew(nn.Module):
    def forward(self, x):
        return native.run(x)
