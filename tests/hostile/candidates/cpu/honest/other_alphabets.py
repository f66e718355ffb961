# problem: relu_add
# rows: isolation 63
# note: names and comments outside ASCII
import torch
from torch import nn

# Σ über alle Einträge; 結果は同じ
λ = 0.0


class ModelNew(nn.Module):
    def forward(self, x, y):
        Σ = x + y
        return torch.clamp_min(Σ, λ)
