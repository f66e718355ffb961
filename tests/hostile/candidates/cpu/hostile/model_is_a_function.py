# problem: relu_add
# rows: isolation 4
# build: failed(no_model)
# note: the name is there, but is no class
import torch


def ModelNew(*_arguments):
    return torch.nn.ReLU()
