# problem: relu_add
# rows: isolation 3
# build: failed(syntax_error)
# note: no Python
class ModelNew(nn.Module:
    def forward(self, x, y)
        return x
