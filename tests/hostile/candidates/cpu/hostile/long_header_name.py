# problem: relu_add
# rows: isolation 6
# build: failed(compiler_error)
# build_limit: 60
# note: a header with a name longer than file systems take
import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

load_inline(
    "long_header_name", cpp_sources="#include <torch/" + "a" * 5000 + ">", no_implicit_headers=True
)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)
