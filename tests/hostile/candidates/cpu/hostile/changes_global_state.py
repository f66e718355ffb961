# problem: relu_add
# rows: isolation 47, kernelbench C3, kernelbench E16
# verdict: passed
# effect: none
# note: changes torch's defaults, seeds, threads and flags, and the environment, for whoever comes next
import locale
import os
import random

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, y):
        torch.set_default_dtype(torch.float16)
        torch.set_float32_matmul_precision("medium")
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.set_num_threads(1)
        torch.manual_seed(0)
        torch.use_deterministic_algorithms(True, warn_only=True)
        random.seed(0)
        os.environ.update(CUDA_VISIBLE_DEVICES="", TORCH_EXTENSIONS_DIR="/tmp", OMP_NUM_THREADS="1")
        locale.setlocale(locale.LC_ALL, "C")
        return torch.relu(x + y)
