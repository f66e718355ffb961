# problem: relu_add
# rows: isolation 22
# note: writes a file in its working folder and in the temporary one, and reads it back
import tempfile
from pathlib import Path

import torch
from torch import nn

Path("notes.txt").write_text("0.0")


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"scratch")
        self.least = float(Path("notes.txt").read_text())

    def forward(self, x, y):
        return torch.clamp_min(x + y, self.least)
