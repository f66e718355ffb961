# problem: relu_add
# rows: kernelbench D2
# note: threads that launch on streams of their own, and are joined before the call returns
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn


def fill(x, y, out, begun):
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        stream.wait_event(begun)
        torch.add(x, y, out=out)
        out.clamp_(min=0)
    stream.synchronize()


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        begun = torch.cuda.current_stream().record_event()
        with ThreadPoolExecutor(2) as pool:
            for work in [pool.submit(fill, *rows, begun) for rows in zip(x.chunk(2), y.chunk(2), out.chunk(2))]:
                work.result()
        return out
