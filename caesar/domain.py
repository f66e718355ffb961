"""The values everything else is about: problems, candidates, verdicts, timings, usage, ids.

Frozen, comparable, free of clocks, files and processes. What would be nonsense can't be built:
a timing belongs to a passed evaluation, a turn starts at 1, a speedup needs a baseline.
Times of kernels are milliseconds (`_ms`), everything longer is seconds (`_s`); instants are
microseconds since the epoch, UTC (`_us`). Text is referred to by its sha256 (`Digest`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

__all__ = [
    "ACTIONS",
    "KERNELS",
    "Action",
    "Baseline",
    "BuildOutcome",
    "Candidate",
    "Context",
    "Digest",
    "Environment",
    "Evaluation",
    "Feedback",
    "Finding",
    "GenerationOutcome",
    "History",
    "KernelBenchResult",
    "Mismatch",
    "Outcome",
    "Problem",
    "Task",
    "Timing",
    "Trust",
    "Usage",
    "Verdict",
    "digest_of",
    "storable",
    "stream_of",
    "ulid",
]

Digest = str
"""The sha256 of a text in UTF-8, as 64 lower-case hex digits."""

Outcome = str
"""What an action came to: one of its action's closed set (`Action.outcomes`)."""

_ENTROPY_BYTES = 10
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def digest_of(text: str) -> Digest:
    """The identity of a text: sha256 over its UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def storable(text: str) -> str:
    """The text with lone surrogates replaced, so that it has UTF-8 bytes and a digest."""
    return text.encode("utf-8", "replace").decode()


def ulid(at_us: int, entropy: bytes) -> str:
    """A 26-character id that sorts by time, from an instant and 10 random bytes given by the caller."""
    if len(entropy) != _ENTROPY_BYTES:
        raise ValueError("a ULID takes exactly 10 random bytes")
    number = (at_us // 1000 << 80) | int.from_bytes(entropy)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def stream_of(run: str, problem: str, sample: int) -> str:
    """The stream of one trajectory: run/problem/sample."""
    return f"{run}/{problem}/{sample}"


class GenerationOutcome(StrEnum):
    """Whether a completion held a candidate."""

    CANDIDATE = "candidate"
    NO_CODE = "no_code"


class BuildOutcome(StrEnum):
    """What became of a build; docs/verdicts.md says what leads where."""

    BUILT = "built"
    FAILED = "failed"
    TIMED_OUT = "timed_out"


class Verdict(StrEnum):
    """What an evaluation came to; docs/verdicts.md says what leads where."""

    PASSED = "passed"
    INCORRECT = "incorrect"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    REJECTED = "rejected"


class Trust(StrEnum):
    """How hard it would have been for the candidate to forge its verdict."""

    NONE = "none"
    LOW = "low"
    HIGH = "high"


class History(StrEnum):
    """Which earlier turns a prompt shows."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


class Feedback(StrEnum):
    """What a prompt shows of an earlier turn. Absent feedback renders nothing."""

    CANDIDATE = "candidate"
    """The turn's candidate itself."""
    BUILD_LOG = "build_log"
    """The compiler's words, where the build failed."""
    VERDICT = "verdict"
    """What the turn came to, in a sentence, with the reason and the crash's text."""
    MISMATCH = "mismatch"
    """Where and by how much the output differs."""
    RUNTIME = "runtime"
    """The candidate's median time in milliseconds."""
    BASELINE = "baseline"
    """The reference's median time in milliseconds, and the speedup."""
    HARDWARE = "hardware"
    """The device's name, which no other feedback tells."""


@dataclass(frozen=True, slots=True)
class Context:
    """Which earlier turns and which feedback a prompt shows."""

    history: History = History.LAST
    show: tuple[Feedback, ...] = (Feedback.CANDIDATE, Feedback.BUILD_LOG, Feedback.VERDICT, Feedback.RUNTIME)


@dataclass(frozen=True, slots=True)
class Action:
    """Something a state can do, and the closed set of what it can come to."""

    name: str
    outcomes: tuple[Outcome, ...]
    ends: Mapping[Outcome, str] = field(default_factory=dict)
    """The outcomes that decide a turn, with the word the turn then carries (build_failed, passed)."""
    needs: str | None = None
    """The action that has to have succeeded before it in the same turn."""
    success: Outcome | None = None
    """The outcome that actions which need this one wait for."""
    gives: str | None = None
    """What its success gives, in words."""
    shows: frozenset[Feedback] = frozenset()
    """The feedback that comes from it; every turn has a verdict."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is being searched for: its actions and the order of its outcomes. Kernels are the first."""

    name: str
    actions: Mapping[str, Action]


ACTIONS = (
    Action("begin_turn", ("begun", "exhausted"), success="begun", gives="an open turn"),
    Action(
        "generate",
        tuple(GenerationOutcome),
        ends={"no_code": "no_code"},
        needs="begin_turn",
        success="candidate",
        gives="a candidate",
        shows=frozenset({Feedback.CANDIDATE}),
    ),
    Action(
        "build",
        tuple(BuildOutcome),
        ends={"failed": "build_failed", "timed_out": "build_timed_out"},
        needs="generate",
        success="built",
        gives="a build that succeeded",
        shows=frozenset({Feedback.BUILD_LOG}),
    ),
    Action(
        "evaluate",
        tuple(Verdict),
        ends={verdict: verdict for verdict in Verdict},
        needs="build",
        shows=frozenset({Feedback.MISMATCH, Feedback.RUNTIME, Feedback.BASELINE, Feedback.HARDWARE}),
    ),
    Action("finish", ()),
)

KERNELS = Task("kernels", {action.name: action for action in ACTIONS})
"""The kernel task: candidates are Python modules with `ModelNew`, judged against `Model`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A task in KernelBench's format: a module with Model, get_inputs and get_init_inputs."""

    suite: str
    """The suite's name as in a spec: starter, kernelbench/level1, a path."""
    id: str
    """As in the file's name before the first underscore (1, 2, ...), else the file's stem."""
    name: str
    """The file's stem without the id, for people."""
    source: str
    """The reference source."""
    level: int | None = None
    """KernelBench's level; None where the suite has none."""

    def __post_init__(self) -> None:
        if not self.id or "/" in self.id:
            raise ValueError(f"a problem's id must be non-empty and free of slashes, not {self.id!r}")

    @property
    def digest(self) -> Digest:
        """The identity of the reference source."""
        return digest_of(self.source)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Source taken from a completion, identified by its digest."""

    source: str

    @property
    def digest(self) -> Digest:
        """The identity of the source."""
        return digest_of(self.source)


@dataclass(frozen=True, slots=True)
class Usage:
    """What was paid to a model. Costs that the provider's price list doesn't know are absent."""

    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = None
    """US dollars; None where no price is known, which budgets treat as nothing spent."""

    def __add__(self, other: Usage) -> Usage:
        usd = None if self.usd is None and other.usd is None else (self.usd or 0.0) + (other.usd or 0.0)
        return Usage(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens, usd)

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Timing:
    """The measured time of one call, over many calls, in milliseconds."""

    median_ms: float
    mean_ms: float
    std_ms: float
    min_ms: float
    max_ms: float
    trials: int
    """How many calls were measured, warm-up excluded."""
    samples: Digest
    """The text with every measured call's milliseconds, a JSON list in order."""
    quantiles_ms: Mapping[str, float] = field(default_factory=dict)
    """p05, p25, p75 and p95."""
    launch_ms: float | None = None
    """How long a call took to return to the host, the median: on a GPU its work may go on after that."""
    clock: str | None = None
    """Whose clock: the candidate's own (events), which agreed with the judge's, or the judge's."""

    def __post_init__(self) -> None:
        times = (self.median_ms, self.mean_ms, self.std_ms, self.min_ms, self.max_ms)
        if self.trials < 1 or not all(math.isfinite(time) and time >= 0 for time in times):
            raise ValueError("a timing takes at least one trial and finite, non-negative milliseconds")
        if self.median_ms <= 0:
            raise ValueError("a median of zero milliseconds is not a measurement")


@dataclass(frozen=True, slots=True)
class Baseline:
    """The reference's own time on the same device, measured in the same lease."""

    name: str
    """How the reference was run: eager, compile:default, eager+tf32, ..."""
    timing: Timing
    cached: bool = False
    """True where it was measured in an earlier lease, under equal conditions."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """How an output differs from the reference's. Numbers that may be NaN or infinite are texts."""

    kind: str
    """count, type, shape, dtype, device, values."""
    expected: str
    """What the reference gave: a shape, a dtype, or the first differing value."""
    got: str
    """What the candidate gave there."""
    index: tuple[int, ...] | None = None
    """The first differing element, where values differ."""
    wrong_share: float | None = None
    """The share of elements outside the tolerance, 0 to 1, where values differ."""
    max_abs_error: str | None = None
    """The largest absolute difference, as a number's text; None where no wrong element differs by a number."""
    nonfinite: int = 0
    """How many of the candidate's elements are NaN or infinite."""
    output: int = 0
    """Which output, where the reference returns several."""
    pattern: str | None = None
    """Which part of each dimension holds the wrong elements, where values differ."""


DOUBTS = frozenset({
    "vacuous", "unscrutinised", "input_mutated", "wrong_on_other_inputs", "low_precision", "no_custom_kernel",
    "untraced", "tf32", "faster_than_roofline", "timing_inconsistent", "reference_disturbed", "tampered",
})  # fmt: skip
"""The kinds of findings that put a speedup in doubt, as analysis/00_views.sql and docs/verdicts.md have it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something noticed about a candidate that is data, not a verdict."""

    kind: str
    """A stable word: input_mutated, ..."""
    detail: str


@dataclass(frozen=True, slots=True)
class Environment:
    """Where and under which conditions an evaluation ran."""

    device: str
    """The device's id: a GPU's UUID, or cpu:N."""
    device_name: str
    """The hardware's name; kept out of prompts unless `show: hardware` asks for it."""
    torch: str
    cuda: str | None
    """The CUDA version torch was built for; None without one."""
    precision: str
    isolation: str
    """The sandbox tier: none, process, namespace."""
    trust: Trust
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Where the time on the device went, by stage (docs/verdicts.md)."""
    driver: str | None = None
    """The GPU driver's version."""
    tf32: bool = False
    """Whether fp32 products may have been done in TF32."""
    conditions: Mapping[str, float] = field(default_factory=dict)
    """Right after timing: sm_clock_mhz, temperature_c, power_w, processes; of timing: judge_cpu, the share of
    it in which the judge had a processor, and unseen_ms, what a call could have hidden from the judge's clock.
    What can't be had is absent."""
    alone: bool | None = None
    """Whether nobody else computed on the device when it was leased; None where that can't be told."""

    def booking(self, stage: str, seconds: float) -> Environment:
        """The same, with a further stage that took time on the device."""
        return replace(self, seconds={**self.seconds, stage: seconds})


@dataclass(frozen=True, slots=True)
class KernelBenchResult:
    """What KernelBench's own evaluator said, in our words: see docs/decisions/0014."""

    version: str
    """Which KernelBench, by its evaluator's content."""
    compiled: bool
    """Whether the candidate's module could be loaded, which builds it."""
    correct: bool
    runtime_ms: float | None = None
    """The candidate's mean, of three digits, as KernelBench rounds it."""
    reference_ms: float | None = None
    """The reference's, likewise."""
    reason: str | None = None
    """Why it is not correct: compile_error, values, shape, exception:NAME, exit:N, signal:N, ..."""
    metadata: str = ""
    """KernelBench's metadata as JSON, every value a text, cut to a bound: untrusted."""

    def __post_init__(self) -> None:
        if self.correct and not self.compiled:
            raise ValueError("what did not compile is not correct")
        if self.correct == (self.reason is not None):
            raise ValueError("a result of KernelBench's carries a reason exactly where it is not correct")
        times = [time for time in (self.runtime_ms, self.reference_ms) if time is not None]
        if not all(math.isfinite(time) and time > 0 for time in times):
            raise ValueError("KernelBench's times are positive milliseconds, or absent")
        if self.runtime_ms is not None and not self.correct:
            raise ValueError("only a correct candidate has a runtime")

    @property
    def speedup(self) -> float | None:
        """Its reference's mean over the candidate's; absent unless both were measured."""
        if self.runtime_ms is None or self.reference_ms is None:
            return None
        return self.reference_ms / self.runtime_ms


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The verdict on one candidate on one device, with what supports it."""

    verdict: Verdict
    environment: Environment
    evaluator: str
    """The evaluator's version, as pinned by the run."""
    reason: str | None = None
    """Why it did not pass: values, shape, dtype, exit:0, signal:11, time_limit, output_limit, ..."""
    detail: Digest | None = None
    """Text the candidate's process left (a traceback, the end of stderr): untrusted."""
    mismatch: Mismatch | None = None
    trials_passed: int = 0
    trials: int = 0
    """Correctness trials run, each on inputs of its own seed."""
    timing: Timing | None = None
    baselines: tuple[Baseline, ...] = ()
    parameters: str | None = None
    """copied where the reference's state was copied into the candidate, else seeded; None if not reached."""
    findings: tuple[Finding, ...] = ()
    speedup_interval: tuple[float, float] | None = None
    """The 95% interval of the speedup over the eager baseline; absent with too few calls."""
    looked_at: Mapping[str, float] = field(default_factory=dict)
    """Kinds of inputs looked at besides the trials', with the error over the reference's, against float64."""
    kernelbench: KernelBenchResult | None = None
    """What KernelBench's own evaluator says of the same candidate, where it was asked."""

    def __post_init__(self) -> None:
        passed = self.verdict is Verdict.PASSED
        if not passed and self.timing is not None:
            raise ValueError("only a passed evaluation carries a timing")
        if passed == (self.reason is not None):
            raise ValueError("an evaluation carries a reason exactly where it did not pass")
        if self.mismatch is not None and self.verdict is not Verdict.INCORRECT:
            raise ValueError("only an incorrect evaluation carries a mismatch")

    @property
    def speedup(self) -> float | None:
        """Eager baseline time over candidate time, medians; absent unless both were measured."""
        eager = next((baseline for baseline in self.baselines if baseline.name == "eager"), None)
        if eager is None or self.timing is None:
            return None
        return eager.timing.median_ms / self.timing.median_ms

    @property
    def speedup_at_least(self) -> float | None:
        """The speedup, had each call done as much elsewhere as the judge's clock could have missed."""
        unseen_ms = self.environment.conditions.get("unseen_ms")
        if self.speedup is None or self.timing is None or unseen_ms is None:
            return None
        return self.speedup * self.timing.median_ms / (self.timing.median_ms + unseen_ms)

    @property
    def doubts(self) -> tuple[str, ...]:
        """The kinds among the findings that put the speedup in doubt, sorted."""
        return tuple(sorted(DOUBTS & {finding.kind for finding in self.findings}))
