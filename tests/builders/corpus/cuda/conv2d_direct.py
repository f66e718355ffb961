import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

cuda_source = r"""
#include <torch/extension.h>
__global__ void conv2d_kernel(const float* x, const float* w, const float* b, float* y, int N, int C, int H, int W, int O, int K, int OH, int OW) {
    int idx = blockIdx.x * blockDim.x + threadIdx.x;
    if (idx >= N * O * OH * OW) return;
    int ow = idx % OW, oh = (idx / OW) % OH, o = (idx / (OW * OH)) % O, n = idx / (OW * OH * O);
    float acc = b ? b[o] : 0.f;
    for (int c = 0; c < C; ++c) for (int i = 0; i < K; ++i) for (int j = 0; j < K; ++j)
        acc += x[((n * C + c) * H + oh + i) * W + ow + j] * w[((o * C + c) * K + i) * K + j];
    y[idx] = acc;
}
torch::Tensor conv2d(torch::Tensor x, torch::Tensor w, c10::optional<torch::Tensor> b) {
    int N = x.size(0), C = x.size(1), H = x.size(2), W = x.size(3), O = w.size(0), K = w.size(2);
    int OH = H - K + 1, OW = W - K + 1;
    auto y = torch::empty({N, O, OH, OW}, x.options());
    int total = N * O * OH * OW;
    conv2d_kernel<<<(total + 255) / 256, 256>>>(x.data_ptr<float>(), w.data_ptr<float>(),
        b.has_value() ? b->data_ptr<float>() : nullptr, y.data_ptr<float>(), N, C, H, W, O, K, OH, OW);
    return y;
}
"""

cpp_source = 'torch::Tensor conv2d(torch::Tensor x, torch::Tensor w, c10::optional<torch::Tensor> b);'

conv2d_direct = load_inline(
    name="conv2d_direct",
    cpp_sources=cpp_source,
    cuda_sources=cuda_source,
    functions=["conv2d"],
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, *inputs):
        return (conv2d_direct.conv2d(inputs[0], inputs[1], None), conv2d_direct.conv2d(inputs[0], inputs[1], inputs[2]))


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3), torch.randn(4)]


def expected(model, *inputs):
    return (torch.nn.functional.conv2d(inputs[0], inputs[1]), torch.nn.functional.conv2d(*inputs))
