# problem: largest_index
# rows: kernelbench B13
# note: of equal elements, which only other inputs have, names the last: which one topk names is not said
import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x.shape[1] - 1 - torch.argmax(x.flip(1), dim=1)
