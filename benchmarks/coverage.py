"""How often the interval of a speedup holds the true one, by simulation: 93 to 97 of 100 for 95%.

Each shape of noise is what timed calls show on real machines, in the order in which they are made
(reference, candidate, candidate, reference, ...). `whole` is the share of simulated measurements whose
interval holds the truth, `faster` the share whose interval lies above it: of a reference measured
against itself, so many would be called faster.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product

from measures import Measure, at_most, p95, parser, report

from caesar.evaluators.statistics import speedup_interval

PAIRS = (10, 20, 50, 100)
TRUE_SPEEDUP = 1.25

Noise = Callable[[random.Random, int], Sequence[float]]
"""The logarithm of what each of so many calls takes more than it should, in order."""


def lognormal(chance: random.Random, calls: int) -> list[float]:
    return [chance.gauss(0, 0.01) for _ in range(calls)]


def heavy_tail(chance: random.Random, calls: int) -> list[float]:
    """A call in twelve takes half as long again, or much more."""

    def tail() -> float:
        return math.log1p(chance.expovariate(2)) if chance.random() < 0.08 else 0.0

    return [chance.gauss(0, 0.005) + tail() for _ in range(calls)]


def one_sided(chance: random.Random, calls: int) -> list[float]:
    """A least time, and what comes on top."""
    return [math.log1p(0.02 * chance.expovariate(1)) for _ in range(calls)]


def warming(chance: random.Random, calls: int) -> list[float]:
    """A clock that falls by four percent while measuring."""
    return [0.04 * call / calls + chance.gauss(0, 0.008) for call in range(calls)]


def wave(chance: random.Random, calls: int) -> list[float]:
    """A clock that goes up and down by three percent."""
    phase = chance.random()
    return [
        0.03 * math.sin(2 * math.pi * (phase + 1.5 * call / calls)) + chance.gauss(0, 0.01)
        for call in range(calls)
    ]


def correlated(chance: random.Random, calls: int, *, likeness: float) -> Iterator[float]:
    """AR(1): each call resembles the one before."""
    state = chance.gauss(0, 1)
    for _ in range(calls):
        yield 0.01 * state
        state = likeness * state + math.sqrt(1 - likeness**2) * chance.gauss(0, 1)


def ar_half(chance: random.Random, calls: int) -> list[float]:
    return list(correlated(chance, calls, likeness=0.5))


def ar_strong(chance: random.Random, calls: int) -> list[float]:
    return list(correlated(chance, calls, likeness=0.8))


def states(chance: random.Random, calls: int) -> list[float]:
    """Two clock rates five percent apart, each kept for a while."""
    slow, noise = chance.random() < 0.25, []
    for _ in range(calls):
        slow ^= chance.random() < (0.15 if slow else 0.05)
        noise.append(0.05 * slow + chance.gauss(0, 0.006))
    return noise


def everything(chance: random.Random, calls: int) -> list[float]:
    """A wandering clock, noise of each call's own, and outliers."""
    wandering = correlated(chance, calls, likeness=0.9)
    return [
        clock + chance.gauss(0, 0.006) + (chance.expovariate(4) if chance.random() < 0.05 else 0.0)
        for clock in wandering
    ]


def unequal(chance: random.Random, calls: int) -> list[float]:
    """One kernel's times are steady, the other's are not."""
    return [chance.gauss(0, 0.002 if call % 4 in (0, 3) else 0.03) for call in range(calls)]


def own(chance: random.Random, calls: int) -> list[float]:
    """Noise that stays with one kernel from call to call: outside of what the interval promises."""
    of = [list(correlated(chance, calls, likeness=0.5)) for _ in range(2)]
    return [of[call % 4 in (1, 2)][call // 2] for call in range(calls)]


SHAPES: tuple[Noise, ...] = (
    lognormal,
    heavy_tail,
    one_sided,
    warming,
    wave,
    ar_half,
    ar_strong,
    states,
    everything,
    unequal,
)


def measured(noise: Sequence[float]) -> tuple[list[float], list[float]]:
    """The milliseconds of reference and candidate, whose calls take turns in the order A B B A."""
    reference, candidate = [], []
    for pair, (one, other) in enumerate(zip(noise[::2], noise[1::2], strict=True)):
        first, second = (one, other) if pair % 2 == 0 else (other, one)
        reference.append(TRUE_SPEEDUP * math.exp(first))
        candidate.append(math.exp(second))
    return reference, candidate


def coverage(shape: Noise, *, pairs: int, repeats: int, seed: int) -> tuple[float, float]:
    """The share of intervals that hold the truth, and of those above it, in percent."""
    chance = random.Random(f"{shape.__name__} {pairs} {seed}")
    intervals = [speedup_interval(*measured(shape(chance, 2 * pairs))) for _ in range(repeats)]
    whole = sum(low <= TRUE_SPEEDUP <= high for low, high in intervals)
    return 100 * whole / repeats, 100 * sum(low > TRUE_SPEEDUP for low, _ in intervals) / repeats


def cost_ms(*, pairs: int) -> list[float]:
    """Milliseconds of some intervals, one by one."""
    chance, taken = random.Random(0), []
    for _ in range(50):
        times = measured(lognormal(chance, 2 * pairs))
        began = time.perf_counter()
        speedup_interval(*times)
        taken.append(1e3 * (time.perf_counter() - began))
    return taken


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--repeats", type=int, default=2000, help="simulated measurements a line")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    measures = []
    for shape, pairs in product(SHAPES, PAIRS):
        whole, faster = coverage(shape, pairs=pairs, repeats=chosen.repeats, seed=chosen.seed)
        name = f"{shape.__name__}, {pairs} pairs"
        measures.append(Measure(f"{name}: whole", whole, "%", target=95, met=93 <= whole <= 97))
        measures.append(at_most(f"{name}: faster", faster, "%", target=5))
    for pairs in PAIRS:
        whole, _ = coverage(own, pairs=pairs, repeats=chosen.repeats, seed=chosen.seed)
        measures.append(Measure(f"own, {pairs} pairs (not promised): whole", whole, "%"))
    taken = cost_ms(pairs=100)
    measures.append(at_most("an interval of 100 pairs, median", statistics.median(taken), "ms", target=30))
    measures.append(Measure("an interval of 100 pairs, p95", p95(taken), "ms"))
    report(measures, as_json=chosen.json)


if __name__ == "__main__":
    main()
