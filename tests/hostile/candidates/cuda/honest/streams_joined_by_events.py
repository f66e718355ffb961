# problem: nested_outputs
# rows: isolation 33, kernelbench D1
# note: two side streams that wait for the current one, and are waited for by it
import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.streams = None

    def forward(self, x, state):
        if self.streams is None:
            self.streams = torch.cuda.Stream(), torch.cuda.Stream()
        current, (left, right) = torch.cuda.current_stream(), self.streams
        for stream in self.streams:
            stream.wait_stream(current)
        with torch.cuda.stream(left):
            hidden = torch.tanh(x + state)
        with torch.cuda.stream(right):
            cell = torch.sigmoid(x - state)
        for stream, made in ((left, hidden), (right, cell)):
            current.wait_event(stream.record_event())
            made.record_stream(current)
        return hidden * cell, (hidden, cell)
