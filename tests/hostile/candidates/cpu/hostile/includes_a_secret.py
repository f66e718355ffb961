# problem: relu_add
# rows: isolation 7, kernelbench E13
# build: failed(compiler_error)
# canary: absent
# tiers: process, namespace
# note: includes a secret file, so that the compiler's complaint would quote it
from torch import nn
from torch.utils.cpp_extension import load_inline

native = load_inline(
    "includes_a_secret",
    cpp_sources="""
#include "/tmp/caesar-hostile-secrets/.env"
#include "/proc/self/environ"
extern "C" int run() { return 0; }
""",
    no_implicit_headers=True,
    is_python_module=False,
)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return x + y
