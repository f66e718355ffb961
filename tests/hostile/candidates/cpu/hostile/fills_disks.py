# problem: relu_add
# rows: isolation 19
# verdict: crashed|passed
# effect: none
# marker: /tmp/caesar-hostile-marker-fill
# marker: /dev/shm/caesar-hostile-marker-fill
# marker: /var/tmp/caesar-hostile-marker-fill
# tiers: process, namespace
# limit: 60
# note: writes 2 GB wherever files may be written, its own folder included
import os

import torch
from torch import nn

PLACES = ("/tmp", "/dev/shm", "/var/tmp", "/run", ".")


def fill(place):
    block = bytes(1 << 24)
    try:
        with open(f"{place}/caesar-hostile-marker-fill", "wb") as file:
            for _ in range(128):
                file.write(block)
    except OSError:
        return


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        for place in PLACES:
            fill(place)

    def forward(self, x, y):
        return torch.relu(x + y)
