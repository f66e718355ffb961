# expected: compiler_error: oops
import torch
import torch.nn as nn
from torch.utils.cpp_extension import load_inline

class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.op = load_inline(name="lazy", cpp_sources="torch::Tensor f(torch::Tensor x) { return oops; }", functions=["f"])
