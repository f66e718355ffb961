"""A bench in this process, and candidates that take an opponent's place without a process of their own."""

from dataclasses import dataclass, field

import torch
from evaluation_cases import QUICK, REFERENCE

from caesar.evaluators.bench import open_bench
from caesar.evaluators.device import Cpu
from caesar.evaluators.layout import rebuilt
from caesar.evaluators.opponent import Called
from caesar.evaluators.outputs import described, skeleton
from caesar.evaluators.reference import load_reference, set_seed
from caesar.evaluators.tensors import leaves
from caesar.evaluators.wire import Loaded, Shown

EVIDENCE = (
    b'{"operators":{},"kernels":{},"declared":[],"replaced":[],"threads":0,"busy":0,"children":0,"tf32":false}'
)


def bench_of(reference=REFERENCE, *, settings=QUICK, writable=False):
    """The problem of a reference's source, set up on the CPU."""
    loaded = load_reference(reference, device=Cpu(), precision=settings.precision)
    with torch.no_grad():
        bench = open_bench(loaded, settings)
        return bench.writable_copy() if writable else bench


def told_of(value):
    """What an honest candidate says of its output."""
    found = list(leaves(value))
    told = tuple(described(leaf, device=Cpu()) for _, leaf in found)
    return Shown(1, skeleton(found), told, len(found))


@dataclass
class Sparring:
    """Calls a function of the inputs where the opponent would ask a process."""

    bench: object
    model: object
    """Any function of the inputs: the bench's own model for an equal candidate."""
    sliced: object = None
    copied: bool = True
    call_ms: float = 1.0
    show_ms: float = 0.1
    evidence: bytes = EVIDENCE
    asked: list = field(default_factory=list)
    result: object = None
    stand: object = None
    seed: int = 0

    def idle(self):
        self.asked.append("idle")
        return Called(0.0, 0.0, 0.05)

    def load(self):
        self.asked.append("load")
        return Loaded(1, copied=self.copied)

    def prepare(self, *, slot, seed):
        self.asked.append("prepare")
        self.stand = (*self.bench.stands, self.sliced)[slot]
        self.seed = seed

    def call(self, show=lambda: None):
        self.asked.append("call")
        show()
        inputs = list(rebuilt(self.stand.slot.inputs, self.stand.buffer))
        set_seed(self.seed)
        self.result = self.model(*inputs)
        return Called(self.call_ms, self.call_ms, self.call_ms + 0.05)

    def show(self):
        self.asked.append("show")
        if self.stand is None:
            return Shown(1, 0, (), 0), self.show_ms
        for output, (_, leaf) in zip(self.stand.slot.outputs, leaves(self.result), strict=False):
            target = output.place and rebuilt(output.place, self.bench.outputs)
            if target is not None and isinstance(leaf, torch.Tensor) and target.shape == leaf.shape:
                target.copy_(leaf)
        return told_of(self.result), self.show_ms

    def trace(self, *, slot, seed):
        self.asked.append("trace")
        self.prepare(slot=slot, seed=seed)
        self.call()
        return self.evidence
