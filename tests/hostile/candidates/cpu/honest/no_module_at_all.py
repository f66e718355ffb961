# problem: relu_add
# rows: isolation 4
# note: a plain class that can be called
import torch


class ModelNew:
    def __call__(self, x, y):
        return torch.relu(x + y)
