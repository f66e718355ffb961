# problem: masked_mean
# rows: isolation 1
# note: reads a boolean input in a kernel
from torch import nn
from torch.utils.cpp_extension import load_inline

KERNEL = """
__global__ void masked_mean(const float* x, const bool* mask, float* out, int columns) {
    float total = 0;
    int count = 0;
    for (int i = threadIdx.x; i < columns; i += 32) {
        const long place = blockIdx.x * (long)columns + i;
        if (mask[place]) { total += x[place]; ++count; }
    }
    for (int offset = 16; offset > 0; offset /= 2) {
        total += __shfl_down_sync(0xffffffff, total, offset);
        count += __shfl_down_sync(0xffffffff, count, offset);
    }
    if (threadIdx.x == 0) out[blockIdx.x] = total / max(count, 1);
}
void launch(const float* x, const bool* mask, float* out, int rows, int columns) {
    masked_mean<<<rows, 32>>>(x, mask, out, columns);
}
"""

BINDING = """
void launch(const float* x, const bool* mask, float* out, int rows, int columns);
torch::Tensor run(torch::Tensor x, torch::Tensor mask) {
    auto out = torch::empty({x.size(0)}, x.options());
    launch(x.data_ptr<float>(), mask.data_ptr<bool>(), out.data_ptr<float>(), x.size(0), x.size(1));
    return out;
}
"""

native = load_inline("masked_kernel", cpp_sources=BINDING, cuda_sources=KERNEL, functions=["run"])


class ModelNew(nn.Module):
    def forward(self, x, mask):
        return native.run(x, mask)
