# problem: relu_add
# rows: isolation 49
# verdict: crashed
# note: a trap, and a misaligned address, in kernels of one extension; whichever the device reports first
from torch import nn
from torch.utils.cpp_extension import load_inline

KERNEL = """
__global__ void misaligned(const float* x, float* out) {
    float4 value = *reinterpret_cast<const float4*>(x + 1 + threadIdx.x);
    out[threadIdx.x] = value.x;
}
__global__ void trapped() { __trap(); }
void launch(const float* x, float* out) {
    misaligned<<<1, 32>>>(x, out);
    trapped<<<1, 1>>>();
}
"""

BINDING = """
void launch(const float* x, float* out);
torch::Tensor run(torch::Tensor x, torch::Tensor y) {
    auto out = torch::empty_like(x);
    launch(x.data_ptr<float>(), out.data_ptr<float>());
    return out;
}
"""

native = load_inline("faults", cpp_sources=BINDING, cuda_sources=KERNEL, functions=["run"])


class ModelNew(nn.Module):
    def forward(self, x, y):
        return native.run(x, y)
