# problem: relu_add
# rows: isolation 6, kernelbench E7
# build: failed(import_error)
# build_limit: 60
# note: a source of more characters than anybody writes
import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

load_inline("more_blank_lines", cpp_sources="\n" * 3_000_000, no_implicit_headers=True)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)
