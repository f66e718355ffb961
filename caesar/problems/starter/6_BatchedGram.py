import torch
import torch.nn as nn


class Model(nn.Module):
    """The inner products of all pairs of rows, for each matrix of a batch."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x is (batch, rows, features); the result is (batch, rows, rows)."""
        return torch.matmul(x, x.transpose(-1, -2))


batch = 16
rows = 256
features = 192


def get_inputs():
    return [torch.randn(batch, rows, features)]


def get_init_inputs():
    return []
