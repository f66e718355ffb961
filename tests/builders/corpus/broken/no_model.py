# expected: no_model: ModelNew
import torch


class Model(torch.nn.Module):
    pass
