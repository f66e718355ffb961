import torch
import torch.nn as nn


class Model(nn.Module):
    """Mixes tokens, then channels, each by a two-layer network around which the input is added."""

    def __init__(self, tokens: int, channels: int, expansion: int):
        super().__init__()
        self.token_norm = nn.LayerNorm(channels)
        self.token_in = nn.Linear(tokens, expansion * tokens)
        self.token_out = nn.Linear(expansion * tokens, tokens)
        self.channel_norm = nn.LayerNorm(channels)
        self.channel_in = nn.Linear(channels, expansion * channels)
        self.channel_out = nn.Linear(expansion * channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x is (batch, tokens, channels); so is the result."""
        by_token = self.token_norm(x).transpose(1, 2)
        x = x + self.token_out(torch.relu(self.token_in(by_token))).transpose(1, 2)
        return x + self.channel_out(torch.relu(self.channel_in(self.channel_norm(x))))


batch = 32
tokens = 64
channels = 128
expansion = 2


def get_inputs():
    return [torch.randn(batch, tokens, channels)]


def get_init_inputs():
    return [tokens, channels, expansion]
