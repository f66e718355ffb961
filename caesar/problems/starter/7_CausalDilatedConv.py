import torch
import torch.nn as nn
import torch.nn.functional as F


class Model(nn.Module):
    """A dilated convolution over time whose output never looks ahead."""

    def __init__(self, channels: int, taps: int, dilation: int):
        super().__init__()
        self.reach = (taps - 1) * dilation
        self.conv = nn.Conv1d(channels, channels, taps, dilation=dilation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x is (batch, channels, time); so is the result."""
        return self.conv(F.pad(x, (self.reach, 0)))


batch = 16
channels = 64
time = 1024
taps = 5
dilation = 4


def get_inputs():
    return [torch.randn(batch, channels, time)]


def get_init_inputs():
    return [channels, taps, dilation]
