# problem: relu_add
# rows: isolation 6, kernelbench E7
# build: timed_out(time_limit)
# build_limit: 4
# note: a constant that takes the compiler a minute, in each of the ways in which it may be asked
import torch
from torch import nn
from torch.utils.cpp_extension import load_inline

SOURCE = """
constexpr long f() { long s = 0; for (long i = 0; i < 4000000000L; i++) s ^= i; return s; }
static_assert(f() != 12345, "no");
"""
FLAGS = ["-fconstexpr-loop-limit=2147483647", "-fconstexpr-ops-limit=2147483647000"]
load_inline("slow_constant", cpp_sources=SOURCE, extra_cflags=FLAGS, no_implicit_headers=True)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)
