# problem: relu_add
# rows: isolation 20
# build: failed(compiler_error)
# build_limit: 60
# note: an object of 4.6 GB of zeros
import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

SOURCE = r"""
asm(".pushsection .junk,\"\",@progbits\n.zero 4600000000\n.popsection");
"""
load_inline("huge_object", cpp_sources=SOURCE, no_implicit_headers=True)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)
