# problem: embedding
# rows: isolation 1
# note: 64-bit indices and a parameter in one kernel
import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

KERNEL = """
__global__ void embed(const float* table, const long* ids, float* out, int length, int size) {
    float total = 0;
    for (int i = 0; i < length; ++i) total += table[ids[blockIdx.x * (long)length + i] * size + threadIdx.x];
    out[blockIdx.x * (long)size + threadIdx.x] = total;
}
void launch(const float* table, const long* ids, float* out, int sentences, int length, int size) {
    embed<<<sentences, size>>>(table, ids, out, length, size);
}
"""

BINDING = """
void launch(const float* table, const long* ids, float* out, int sentences, int length, int size);
torch::Tensor run(torch::Tensor table, torch::Tensor ids) {
    auto out = torch::empty({ids.size(0), table.size(1)}, table.options());
    launch(table.data_ptr<float>(), ids.data_ptr<int64_t>(), out.data_ptr<float>(), ids.size(0), ids.size(1),
           table.size(1));
    return out;
}
"""

native = load_inline("embedding_kernel", cpp_sources=BINDING, cuda_sources=KERNEL, functions=["run"])


class ModelNew(nn.Module):
    def __init__(self, words, size):
        super().__init__()
        self.table = nn.Parameter(torch.randn(words, size))

    def forward(self, ids):
        return native.run(self.table.detach(), ids)
