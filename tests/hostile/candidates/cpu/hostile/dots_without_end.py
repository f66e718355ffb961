# problem: relu_add
# rows: isolation 6
# build: failed(compiler_error)
# build_limit: 60
# note: an include of dots that never ends, and many that never end
import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

SOURCE = '#include "' + "." * 400_000 + "\n" + "#include <torch/\n" * 30_000
load_inline("dots_without_end", cpp_sources=SOURCE, no_implicit_headers=True)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)
