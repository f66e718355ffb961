import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
#include <torch/extension.h>

torch::Tensor hardtanh(torch::Tensor x, double low, double high) {
    auto out = torch::empty_like(x);
    const float* in = x.data_ptr<float>();
    float* o = out.data_ptr<float>();
    for (int64_t i = 0; i < x.numel(); ++i) {
        float v = in[i];
        o[i] = v < low ? low : (v > high ? high : v);
    }
    return out;
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
    m.def("hardtanh", &hardtanh, "Hard tanh", py::arg("x"), py::arg("low") = -1.0, py::arg("high") = 1.0);
    m.def("twice", [](const torch::Tensor& x) { return x * 2; }, "twice as much");
}
"""

module = load_inline(name="pybind_module", cpp_sources=source)


class ModelNew(nn.Module):
    def forward(self, x):
        return module.hardtanh(x), module.hardtanh(x, high=0.5), module.twice(x=x) if False else module.twice(x)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(64)]


def expected(model, *inputs):
    return (torch.nn.functional.hardtanh(inputs[0]), inputs[0].clamp(-1.0, 0.5), inputs[0] * 2)
