import os
import tempfile

import torch
import torch.nn as nn
from torch.utils.cpp_extension import load

folder = tempfile.mkdtemp()
with open(os.path.join(folder, "math_helpers.h"), "w") as f:
    f.write("#pragma once\ninline float cube(float v) { return v * v * v; }\n")
with open(os.path.join(folder, "cube_op.cpp"), "w") as f:
    f.write(r"""
#include <torch/extension.h>
#include "math_helpers.h"

torch::Tensor cube_op(torch::Tensor x) {
    auto y = torch::empty_like(x);
    for (int64_t i = 0; i < x.numel(); ++i) y.data_ptr<float>()[i] = cube(x.data_ptr<float>()[i]);
    return y;
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("cube_op", &cube_op, "x to the third"); }
""")

op = load(name="cube_op", sources=[os.path.join(folder, "cube_op.cpp")], extra_include_paths=[folder])


class ModelNew(nn.Module):
    def forward(self, x):
        return op.cube_op(x)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(20)]


def expected(model, *inputs):
    return inputs[0] ** 3
