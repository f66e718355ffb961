import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

kernel_code = r"""
#include <torch/extension.h>
torch::Tensor conv2d(torch::Tensor x, torch::Tensor w, torch::Tensor b, int64_t stride, int64_t pad) {
    const auto N = x.size(0), C = x.size(1), H = x.size(2), W = x.size(3);
    const auto O = w.size(0), KH = w.size(2), KW = w.size(3);
    const auto OH = (H + 2 * pad - KH) / stride + 1, OW = (W + 2 * pad - KW) / stride + 1;
    auto y = torch::empty({N, O, OH, OW}, x.options());
    auto X = x.accessor<float, 4>(); auto Wt = w.accessor<float, 4>(); auto Y = y.accessor<float, 4>();
    const float* B = b.data_ptr<float>();
    for (int n = 0; n < N; ++n) for (int o = 0; o < O; ++o)
        for (int i = 0; i < OH; ++i) for (int j = 0; j < OW; ++j) {
            float acc = B[o];
            for (int c = 0; c < C; ++c) for (int u = 0; u < KH; ++u) for (int v = 0; v < KW; ++v) {
                const int h = i * stride - pad + u, q = j * stride - pad + v;
                if (h >= 0 && h < H && q >= 0 && q < W) acc += X[n][c][h][q] * Wt[o][c][u][v];
            }
            Y[n][o][i][j] = acc;
        }
    return y;
}
"""

conv2d_direct_ext = load_inline(
    name="conv2d_direct",
    cpp_sources=[kernel_code],
    functions=["conv2d"],
    extra_cflags=["-O3"],
    verbose=False,
)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, stride=2, padding=1)

    def forward(self, *inputs):
        return conv2d_direct_ext.conv2d(inputs[0], self.conv.weight.detach(), self.conv.bias.detach(), 2, 1)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(2, 3, 9, 9)]


def expected(model, *inputs):
    return model.conv(inputs[0])
