# problem: relu_add
# rows: isolation 6
# build: failed(compiler_error)
# build_limit: 60
# note: a comment of slashes before an error, which can be read as comments in comments in many ways
import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

load_inline("banner_of_slashes", cpp_sources="/" * 80 + "\n// a banner\nint x = ;", no_implicit_headers=True)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)
