# problem: relu_add
# rows: isolation 6, kernelbench E7
# build: failed(compiler_error)|failed(memory_limit)|failed(signal:9)|timed_out(time_limit)
# build_limit: 25
# note: templates that double with every level: a compiler that takes all memory or all time
from torch import nn
from torch.utils.cpp_extension import load_inline

BOMB = """
template <int N, class T> struct Left {};
template <int N, class T> struct Bomb {
    Bomb<N - 1, Left<N, T>> left;
    Bomb<N - 1, Left<-N, T>> right;
};
template <class T> struct Bomb<0, T> { int value; };
extern "C" int run() { return sizeof(Bomb<40, int>); }
"""

load_inline("template_bomb", cpp_sources=BOMB, no_implicit_headers=True, is_python_module=False)


class ModelNew(nn.Module):
    def forward(self, x, y):
        return x + y
