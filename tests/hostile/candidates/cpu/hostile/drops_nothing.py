# problem: dropout_scale
# rows: kernelbench C8
# verdict: incorrect
# reason: values
# note: leaves dropout out, as in evaluation mode
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, share):
        super().__init__()

    def forward(self, x):
        return 3.0 * x
