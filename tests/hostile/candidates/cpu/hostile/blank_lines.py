# problem: relu_add
# rows: isolation 6, kernelbench E7
# build: failed(compiler_error)
# build_limit: 60
# note: a source of blank lines, which whoever looks for directives may look at again and again
import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

load_inline("blank_lines", cpp_sources="\n" * 1_000_000 + "int x = ;", no_implicit_headers=True)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)
