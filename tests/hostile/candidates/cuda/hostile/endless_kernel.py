# problem: relu_add
# rows: isolation 12, kernelbench E4
# verdict: timed_out
# reason: time_limit
# limit: 20
# note: a kernel that never ends; the device has to serve the next candidate nevertheless
from torch import nn
from torch.utils.cpp_extension import load_inline

KERNEL = """
__global__ void spin(volatile float* out) {
    while (out[0] != 42.0f) out[1] = out[0] + 1.0f;
}
void launch(float* out) { spin<<<132, 256>>>(out); }
"""

BINDING = """
void launch(float* out);
torch::Tensor run(torch::Tensor x, torch::Tensor y) {
    auto out = torch::zeros_like(x);
    launch(out.data_ptr<float>());
    return out;
}
"""

native = load_inline("endless_kernel", cpp_sources=BINDING, cuda_sources=KERNEL, functions=["run"])


class ModelNew(nn.Module):
    def forward(self, x, y):
        return native.run(x, y)
