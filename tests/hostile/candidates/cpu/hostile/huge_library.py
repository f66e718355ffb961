# problem: relu_add
# rows: isolation 20
# build: failed(compiler_error)
# build_limit: 120
# note: a library of 1.5 GB, of objects that are not large each
from pathlib import Path

import torch
from torch import nn
from torch.utils.cpp_extension import load

paths = [Path(f"part{n}.cpp") for n in range(4)]
for path in paths:
    path.write_text(f"char {path.stem}[400000000] = {{1}};")
load("huge_library", [str(path) for path in paths])


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)
