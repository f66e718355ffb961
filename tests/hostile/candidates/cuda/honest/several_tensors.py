# problem: nested_outputs
# rows: isolation 41
# note: one kernel that writes three outputs
from torch import nn
from torch.utils.cpp_extension import load_inline

KERNEL = """
__global__ void gates(const float* x, const float* state, float* product, float* hidden, float* cell, long n) {
    const long i = blockIdx.x * (long)blockDim.x + threadIdx.x;
    if (i >= n) return;
    const float h = tanhf(x[i] + state[i]), c = 1.0f / (1.0f + expf(state[i] - x[i]));
    hidden[i] = h;
    cell[i] = c;
    product[i] = h * c;
}
void launch(const float* x, const float* state, float* product, float* hidden, float* cell, long n) {
    gates<<<(n + 255) / 256, 256>>>(x, state, product, hidden, cell, n);
}
"""

BINDING = """
void launch(const float* x, const float* state, float* product, float* hidden, float* cell, long n);
std::vector<torch::Tensor> run(torch::Tensor x, torch::Tensor state) {
    std::vector<torch::Tensor> out;
    for (int i = 0; i < 3; ++i) out.push_back(torch::empty_like(x));
    launch(x.data_ptr<float>(), state.data_ptr<float>(), out[0].data_ptr<float>(), out[1].data_ptr<float>(),
           out[2].data_ptr<float>(), x.numel());
    return out;
}
"""

native = load_inline("several_tensors", cpp_sources=BINDING, cuda_sources=KERNEL, functions=["run"])


class ModelNew(nn.Module):
    def forward(self, x, state):
        product, hidden, cell = native.run(x, state)
        return product, (hidden, cell)
