"""The closed union of requests (what a trajectory asks of the world) and of their answers.

A request carries everything its adapter needs, texts included; it is logged, by digest, before it
is performed. An answer carries texts too; the engine stores them and logs their digests. Whatever
is not an answer is a `Fault`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from caesar.domain import BuildOutcome, Candidate, Digest, Evaluation, Problem, Usage

__all__ = [
    "Answer",
    "Backend",
    "BaselineKind",
    "Build",
    "Built",
    "CompileMode",
    "Condition",
    "Effect",
    "Evaluate",
    "Evaluated",
    "EvaluationSettings",
    "Generate",
    "Generated",
    "Grant",
    "Isolation",
    "JudgeKind",
    "Limits",
    "Message",
    "ModelSettings",
    "Precision",
    "Request",
    "Ruling",
    "Tf32",
    "TimingPolicy",
]


class Backend(StrEnum):
    """What candidates are written in: decides prompt, example and checks."""

    CPU = "cpu"
    CUDA = "cuda"


class Precision(StrEnum):
    """The floating-point type of parameters and inputs, as KernelBench names them."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"

    @property
    def dtype(self) -> str:
        """Torch's name for it."""
        return {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}[self]

    @property
    def tolerance(self) -> float:
        """KernelBench's absolute and relative tolerance, one number for both."""
        return {"fp32": 1e-4, "fp16": 1e-2, "bf16": 1e-2}[self]


class JudgeKind(StrEnum):
    """Whose judgement an evaluation is."""

    CAESAR = "caesar"
    """Ours."""
    KERNELBENCH = "kernelbench"
    """KernelBench's own evaluator's, in its words turned into ours; no trust."""
    BOTH = "both"
    """Ours, with KernelBench's beside it."""


class BaselineKind(StrEnum):
    """How a reference is run to be a baseline."""

    EAGER = "eager"
    """As it is; speedups are over this one."""
    COMPILE = "compile"
    """Through torch.compile, in the spec's mode."""


class CompileMode(StrEnum):
    """What torch.compile optimises for, in its own words."""

    DEFAULT = "default"
    REDUCE_OVERHEAD = "reduce-overhead"
    MAX_AUTOTUNE = "max-autotune"


class Tf32(StrEnum):
    """Whether the reference's fp32 products may be done in TF32."""

    OFF = "off"
    ON = "on"
    BOTH = "both"
    """Baselines are measured with it off and on; speedups are over those with it off."""

    @property
    def settings(self) -> tuple[bool, ...]:
        """The settings that baselines are measured under, the one speedups are over first."""
        return {"off": (False,), "on": (True,), "both": (False, True)}[self]


class Isolation(StrEnum):
    """How far candidates have to be shut in at least."""

    AUTO = "auto"
    """As far as this machine can."""
    PROCESS = "process"
    NAMESPACE = "namespace"


class Ruling(StrEnum):
    """What a finding does to a candidate."""

    INCORRECT = "incorrect"
    FINDING = "finding"
    """It is told, and decides nothing."""


class TimingPolicy(StrEnum):
    """How long a correct candidate is timed."""

    AUTO = "auto"
    """Until more calls would change nothing that matters."""
    ALWAYS = "always"
    """Until the mean is known."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt; its text is its parts, joined by newlines, each part stored once."""

    role: str
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """What the model reads."""
        return "\n".join(self.parts)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model is asked, and how."""

    name: str
    """A LiteLLM name, recorded/NAME, recorded:FILE or scripted:FILE."""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    params: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """Passed on to LiteLLM as they are (api_base, reasoning_effort, ...)."""


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """How a candidate is judged."""

    precision: Precision = Precision.FP32
    correctness_trials: int = 5
    """Independent input seeds that all have to pass."""
    timing_trials: int = 100
    """At most so many timed calls; fewer where calls are slow (timing_s)."""
    timing_s: float = 2.0
    """Stop timing after so many seconds, once ten calls each were measured."""
    judge: JudgeKind = JudgeKind.CAESAR
    baselines: tuple[BaselineKind, ...] = (BaselineKind.EAGER,)
    """What the reference is timed as; eager is measured in any case."""
    compile_mode: CompileMode = CompileMode.DEFAULT
    tf32: Tf32 = Tf32.OFF
    timing: TimingPolicy = TimingPolicy.AUTO
    isolation: Isolation = Isolation.AUTO
    policy: Mapping[str, Ruling] = field(default_factory=dict)
    """What becomes of findings, over the defaults (docs/verdicts.md)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one piece of work may take before it is ended."""

    build_s: float = 600.0
    evaluate_s: float = 180.0
    output_bytes: int = 1 << 20
    """How much a candidate's process may print before it is ended."""
    max_feedback_chars: int = 4000
    """Each piece of feedback is cut in the middle, visibly, at so many characters."""


@dataclass(frozen=True, slots=True)
class Request:
    """Which piece of work of which trajectory this is; equal for every attempt at it."""

    stream: str
    """The trajectory: run/problem/sample."""
    turn: int
    slot: int
    action: str

    @property
    def id(self) -> str:
        """trajectory:turn.slot:action."""
        return f"{self.stream}:{self.turn}.{self.slot}:{self.action}"


@dataclass(frozen=True, slots=True)
class Generate:
    """Ask a model for a completion."""

    request: Request
    problem: str
    """The problem's id, by which recorded completions are keyed."""
    sample: int
    messages: tuple[Message, ...]
    model: ModelSettings
    seed: int
    """Passed to models that take one; differs by trajectory and turn."""


@dataclass(frozen=True, slots=True)
class Build:
    """Turn a candidate's source into something an evaluator can load."""

    request: Request
    candidate: Candidate
    backend: Backend
    limits: Limits
    problem: Problem | None = None
    """What the candidate is for: some compile only once they are constructed, with the problem's inputs."""


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Judge a built candidate on a device."""

    request: Request
    problem: Problem
    candidate: Candidate
    artifact: str
    """What the builder called the thing it built."""
    backend: Backend
    settings: EvaluationSettings
    limits: Limits


Effect = Generate | Build | Evaluate


@dataclass(frozen=True, slots=True)
class Generated:
    """A model's completion."""

    text: str
    usage: Usage
    model: str
    """The model's name as the provider reports it."""
    finish_reason: str | None = None
    reasoning: str | None = None
    """The model's reasoning text, where the provider returns it."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a build came to. A failed build is an answer, not a fault."""

    outcome: BuildOutcome
    artifact: str | None
    """What to hand to the evaluator; None unless built."""
    log: str
    """The compiler's and the module's words, untrusted."""
    seconds: float
    cached: bool = False
    """True where an earlier build of the same source was found."""
    reason: str | None = None
    """Why it failed: syntax_error, no_model, compiler_error, import_error, exit:N, signal:N, time_limit."""
    full_log: str | None = None
    """The whole log, where `log` is a part of it."""
    headers: str | None = None
    """slim or real: which headers stood for PyTorch's; None where nothing was compiled."""
    dropped: tuple[str, ...] = ()
    """The compiler and linker flags that were not passed on."""
    cpu_s: float = 0.0
    """What the compilers took when it was built."""
    peak_bytes: int = 0
    """The most that one compiler held in memory."""

    def __post_init__(self) -> None:
        built = self.outcome is BuildOutcome.BUILT
        if built != (self.artifact is not None) or built == (self.reason is not None):
            raise ValueError("a build has an artifact if it succeeded and a reason if it did not")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """An evaluation, with the texts that its digests name."""

    evaluation: Evaluation
    texts: Mapping[Digest, str] = field(default_factory=dict)


Answer = Generated | Built | Evaluated


@dataclass(frozen=True, slots=True)
class Grant:
    """A device held by one piece of work, until released."""

    device: str
    """The device's id: a GPU's UUID, or cpu:N."""
    token: int
    """The fencing token: grows with every grant of the device; a result with an old one is refused."""
    waited_s: float
    alone: bool | None = None
    """Whether nobody else computed on the device when it was granted; None where that can't be told."""


class Condition(StrEnum):
    """In which condition a device is given back: what its pool does before it gives it again."""

    SOUND = "sound"
    """Nothing went wrong on it."""
    HUNG = "hung"
    """What ran there hung, or ended as a broken device might make it: the device is probed."""
    BROKEN = "broken"
    """The hardware reported an error: the device goes into quarantine."""
    SURVIVORS = "survivors"
    """A process on it survived SIGKILL: the device goes into quarantine."""
