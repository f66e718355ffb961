import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

source = r"""
#include <torch/library.h>
#include <ATen/ATen.h>

at::Tensor shifted(const at::Tensor& x, double by) { return x + by; }

TORCH_LIBRARY(corpus_ops, m) { m.def("shifted(Tensor x, float by) -> Tensor"); }
TORCH_LIBRARY_IMPL(corpus_ops, CompositeImplicitAutograd, m) { m.impl("shifted", shifted); }
"""

load_inline(name="torch_library_ops", cpp_sources=source, is_python_module=False, no_implicit_headers=True)


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.ops.corpus_ops.shifted(x, 0.25)


def get_init_inputs():
    return []


def get_inputs():
    return [torch.randn(9)]


def expected(model, *inputs):
    return inputs[0] + 0.25
