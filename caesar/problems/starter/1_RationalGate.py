import torch
import torch.nn as nn


class Model(nn.Module):
    """Gates one tensor by a rational squashing of another, element by element."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """x and y have one shape, which the result has too."""
        gate = 0.5 * (1.0 + x / (1.0 + torch.abs(x)))
        mixed = gate * y + (1.0 - gate) * x
        return torch.clamp(mixed, -1.5, 1.5) + 0.1 * mixed * mixed


rows = 1024
columns = 2048


def get_inputs():
    return [torch.randn(rows, columns), torch.randn(rows, columns)]


def get_init_inputs():
    return []
