# problem: relu_add
# rows: kernelbench E13
# build: failed(compiler_error)
# build_limit: 60
# note: a source's name so long that no name can be derived from it
from pathlib import Path

import torch
from torch import nn
from torch.utils.cpp_extension import load

source = Path("a" * 250 + ".cpp")
source.write_text("int x = ;")
load("long_file_name", [str(source)])


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)
