"""A log written by hand for tests: events in, the two relations out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from caesar.domain import (
    Baseline,
    BuildOutcome,
    Environment,
    Evaluation,
    GenerationOutcome,
    Mismatch,
    Timing,
    Trust,
    Usage,
    Verdict,
    digest_of,
    stream_of,
)
from caesar.effects import Request
from caesar.events import (
    GENESIS,
    BuildCompleted,
    BuildRequested,
    Envelope,
    EvaluationCompleted,
    EvaluationFaulted,
    EvaluationRequested,
    Event,
    GenerationCompleted,
    GenerationFaulted,
    GenerationRequested,
    LeaseGranted,
    LeaseReleased,
    PinnedProblem,
    PromptPart,
    RunExtended,
    RunFinished,
    RunStarted,
    TrajectoryExtended,
    TrajectoryFinished,
    TrajectoryResumed,
    TrajectoryStarted,
    TrajectorySuspended,
    TurnBegun,
    TurnEnded,
    canonical,
    seal,
)
from caesar.reports.database import connect

RUN = "01JRUN00000000000000000000"
GPU = "GPU-1234"
START_US = 1_700_000_000_000_000

_EVENTS = pa.schema(
    [
        ("seq", pa.int64()),
        ("stream", pa.string()),
        ("version", pa.int64()),
        ("kind", pa.string()),
        ("v", pa.int64()),
        ("recorded_at_us", pa.int64()),
        ("body", pa.string()),
    ]
)
_TEXTS = pa.schema([("digest", pa.string()), ("text", pa.string())])

ENVIRONMENT = Environment(
    device=GPU,
    device_name="Test GPU",
    torch="2.9.0",
    cuda="12.8",
    precision="fp32",
    isolation="namespace",
    trust=Trust.HIGH,
    seconds={"setup": 1.0},
)


def timing(median_ms: float, *, mean_ms: float | None = None) -> Timing:
    mean = median_ms if mean_ms is None else mean_ms
    return Timing(
        median_ms=median_ms,
        mean_ms=mean,
        std_ms=0.001,
        min_ms=median_ms / 2,
        max_ms=median_ms * 2,
        trials=100,
        samples=digest_of("[]"),
    )


def passed(runtime_ms: float, *, baseline_ms: float | None = 2.0, mean_ms: float | None = None) -> Evaluation:
    compiled = Baseline("compile", timing(7.0))
    eager = () if baseline_ms is None else (Baseline("eager", timing(baseline_ms)),)
    return Evaluation(
        Verdict.PASSED,
        ENVIRONMENT,
        "judge-1",
        trials_passed=5,
        trials=5,
        timing=timing(runtime_ms, mean_ms=mean_ms),
        baselines=(compiled, *eager),
    )


def incorrect() -> Evaluation:
    mismatch = Mismatch("values", expected="1.0", got="2.0", index=(0, 3), wrong_share=0.5, max_abs_error="1.0")
    return Evaluation(
        Verdict.INCORRECT, ENVIRONMENT, "judge-1", reason="values", mismatch=mismatch, trials_passed=2, trials=5
    )


def failed(verdict: Verdict, *, reason: str, detail: str | None = None) -> Evaluation:
    digest = None if detail is None else digest_of(detail)
    return Evaluation(verdict, ENVIRONMENT, "judge-1", reason=reason, detail=digest)


def spec(**changes: object) -> str:
    plain = {
        "name": "last_only",
        "model": {"name": "recorded/starter", "temperature": 0.30000000000000004},
        "context": {"history": "last", "show": ["candidate", "verdict"]},
        "budget": {"turns": 3},
        **changes,
    }
    return canonical(plain).decode()


@dataclass
class WrittenLog:
    """Streams of sealed envelopes and the texts they name."""

    envelopes: list[Envelope] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)

    def append(self, stream: str, *events: Event) -> None:
        for event in events:
            version, previous = self.heads.get(stream, (0, GENESIS))
            at_us = START_US + len(self.envelopes) * 1_000_000
            sealed = seal(event, stream=stream, version=version + 1, previous=previous, recorded_at_us=at_us)
            self.envelopes.append(sealed)
            self.heads[stream] = (sealed.version, sealed.digest)

    def text(self, text: str) -> str:
        digest = digest_of(text)
        self.known[digest] = text
        return digest

    def start(
        self,
        *,
        run: str = RUN,
        name: str = "demo",
        group: str = "papers",
        suite: str = "kernelbench/level1",
        problems: Sequence[PinnedProblem] = (),
        samples: int = 1,
        turns: int | None = 3,
        resolved: str | None = None,
        provenance: str | None = "made by hand.",
    ) -> None:
        started = RunStarted(
            run=run,
            name=name,
            group=group,
            spec=self.text(resolved or spec()),
            identity="i" * 64,
            suite=suite,
            problems=tuple(problems) or (self.problem("1", name="Square"),),
            samples=samples,
            turns=turns,
            templates={"prompt.jinja": self.text("Improve {{ problem }}.")},
            evaluator="judge-1",
            provenance=provenance,
            caesar="0.1.0",
        )
        self.append(run, started)

    def problem(self, problem: str, *, name: str = "") -> PinnedProblem:
        return PinnedProblem(problem, name, level=1, source=self.text(f"class Model: ... # {problem}"))

    def extend(
        self, *, problems: Sequence[PinnedProblem], samples: int = 1, turns: int | None = 3, run: str = RUN
    ) -> None:
        resolved = self.text(spec(budget={"turns": turns}))
        self.append(run, RunExtended(resolved, tuple(problems), samples, turns))

    def end_run(self, *, finished: int, suspended: int = 0, run: str = RUN) -> None:
        self.append(run, RunFinished(finished, suspended))

    def trajectory(self, problem: str = "1", sample: int = 0, *, run: str = RUN) -> WrittenTrajectory:
        written = WrittenTrajectory(self, stream_of(run, problem, sample))
        source = digest_of(f"class Model: ... # {problem}")
        self.append(written.stream, TrajectoryStarted(problem, source, sample, seed=7))
        return written

    def events(self) -> pa.RecordBatchReader:
        columns: Mapping[str, list[object]] = {
            "seq": list(range(1, len(self.envelopes) + 1)),
            "stream": [each.stream for each in self.envelopes],
            "version": [each.version for each in self.envelopes],
            "kind": [each.kind for each in self.envelopes],
            "v": [each.v for each in self.envelopes],
            "recorded_at_us": [each.recorded_at_us for each in self.envelopes],
            "body": [each.body.decode() for each in self.envelopes],
        }
        return pa.table(columns, schema=_EVENTS).to_reader()

    def texts(self, digests: Sequence[str] | None) -> pa.RecordBatchReader:
        chosen = list(self.known) if digests is None else [each for each in digests if each in self.known]
        columns = {"digest": chosen, "text": [self.known[digest] for digest in chosen]}
        return pa.table(columns, schema=_TEXTS).to_reader()

    def connect(self):
        return connect(self.events, self.texts)


@dataclass
class WrittenTrajectory:
    """One trajectory's stream, written turn by turn as the engine would."""

    log: WrittenLog
    stream: str
    slot: int = 0

    def append(self, *events: Event) -> None:
        self.log.append(self.stream, *events)

    def request(self, turn: int, action: str) -> str:
        return Request(self.stream, turn, self.slot, action).id

    def begin(self, turn: int) -> None:
        self.append(TurnBegun(turn))

    def ask(self, turn: int, *, attempt: int = 1, prompt: tuple[tuple[str, ...], ...] = ()) -> None:
        messages = prompt or (("You write kernels.",), ("The problem.", "Improve it."))
        roles = ("system", *("user",) * (len(messages) - 1))
        parts = tuple(
            PromptPart(role, tuple(self.log.text(part) for part in message))
            for role, message in zip(roles, messages, strict=True)
        )
        request = self.request(turn, "generate")
        self.append(GenerationRequested(request, attempt, turn, "recorded/starter", parts, seed=11))

    def generate(
        self, turn: int, *, code: str | None = "class ModelNew: ...", attempt: int = 1, usd: float | None = None
    ) -> None:
        self.ask(turn, attempt=attempt)
        completion = "I can't." if code is None else f"```python\n{code}\n```"
        outcome = GenerationOutcome.NO_CODE if code is None else GenerationOutcome.CANDIDATE
        answered = GenerationCompleted(
            request=self.request(turn, "generate"),
            attempt=attempt,
            outcome=outcome,
            completion=self.log.text(completion),
            reasoning=None,
            candidate=None if code is None else self.log.text(code),
            model="starter",
            finish_reason="stop",
            usage=Usage(100, 20, usd),
            seconds=1.5,
        )
        self.append(answered)

    def fault_generation(self, turn: int, *, attempt: int = 1, retry_at_us: int | None = 0) -> None:
        self.ask(turn, attempt=attempt, prompt=(("A prompt that came to nothing.",),))
        request = self.request(turn, "generate")
        fault = GenerationFaulted(request, attempt, "model", "HTTP 500", retry_at_us, Usage(10, 0))
        self.append(fault)

    def build(
        self, turn: int, *, outcome: BuildOutcome = BuildOutcome.BUILT, reason: str | None = None, log: str = ""
    ):
        request = self.request(turn, "build")
        built = outcome is BuildOutcome.BUILT
        self.append(
            BuildRequested(request, 1, "c" * 64),
            BuildCompleted(
                request, 1, outcome, "art" if built else None, self.log.text(log), reason, False, 2.5
            ),
        )

    def evaluate(self, turn: int, evaluation: Evaluation, *, detail: str | None = None) -> None:
        request = self.request(turn, "evaluate")
        self.log.text("[]")
        if detail is not None:
            self.log.text(detail)
        self.append(
            EvaluationRequested(request, 1, "c" * 64, "art"),
            LeaseGranted(request, GPU, 3 + turn + self.slot, waited_s=0.25),
            EvaluationCompleted(request, 1, evaluation.verdict, evaluation, 4.5),
            LeaseReleased(request, GPU, 3 + turn + self.slot, held_s=4.75),
        )

    def fault_evaluation(self, turn: int) -> None:
        request = self.request(turn, "evaluate")
        self.append(
            EvaluationRequested(request, 1, "c" * 64, "art"),
            LeaseGranted(request, GPU, 99, waited_s=0.25),
            EvaluationFaulted(request, 1, "device", "the worker died", 0),
            LeaseReleased(request, GPU, 99, held_s=None),
        )

    def end(self, turn: int, outcome: str | None) -> None:
        self.append(TurnEnded(turn, outcome, self.log.text(f"Feedback on turn {turn}: {outcome}.")))

    def judged(self, turn: int, evaluation: Evaluation, *, code: str = "class ModelNew: ...") -> None:
        """A whole turn whose candidate was built and evaluated."""
        self.begin(turn)
        self.generate(turn, code=code)
        self.build(turn)
        self.evaluate(turn, evaluation)
        self.end(turn, evaluation.verdict)

    def unbuilt(self, turn: int) -> None:
        """A whole turn whose candidate did not compile."""
        self.begin(turn)
        self.generate(turn, code="class ModelNew: oops")
        self.build(turn, outcome=BuildOutcome.FAILED, reason="compiler_error", log="error: expected ';'")
        self.end(turn, "build_failed")

    def codeless(self, turn: int) -> None:
        """A whole turn whose completion held no candidate."""
        self.begin(turn)
        self.generate(turn, code=None)
        self.end(turn, "no_code")

    def finish(self, turn: int | None, outcome: str | None = None, *, rule: str = "best") -> None:
        self.append(TrajectoryFinished(rule, turn, None if turn is None else "c" * 64, outcome))

    def suspend(self, turn: int) -> None:
        self.append(TrajectorySuspended(self.request(turn, "generate"), "model", "HTTP 500"))

    def resume(self) -> None:
        self.append(TrajectoryResumed())

    def extend(self, turns: int) -> None:
        self.append(TrajectoryExtended(turns))
