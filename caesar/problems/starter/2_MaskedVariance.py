import torch
import torch.nn as nn


class Model(nn.Module):
    """The variance of each channel over the time steps that a mask keeps."""

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """x and mask are (batch, time, channels), the mask 0 or 1; the result is (batch, channels)."""
        count = torch.sum(mask, dim=1) + 1.0
        mean = torch.sum(x * mask, dim=1) / count
        deviation = (x - mean.unsqueeze(1)) * mask
        return torch.sum(deviation * deviation, dim=1) / count


batch = 16
time = 1024
channels = 256


def get_inputs():
    x = torch.randn(batch, time, channels)
    mask = (torch.rand(batch, time, channels) < 0.7).to(x.dtype)
    return [x, mask]


def get_init_inputs():
    return []
