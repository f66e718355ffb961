"""A run's own judges and isolation, when it is resumed, forked or judged again: those that its spec names."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from engine.worlds import Setup, completion

from caesar.builders.scripted import ScriptedBuilder
from caesar.cli.fork import ForkOptions, fork_command
from caesar.cli.options import CommonOptions
from caesar.cli.reevaluate import ReevaluateOptions, reevaluate_command
from caesar.cli.resume import resume_command
from caesar.devices.fake import MemoryDevicePool
from caesar.devices.inventory import Device
from caesar.effects import Backend, Isolation, JudgeKind
from caesar.engine.plan import extension, fold_run
from caesar.errors import Fault, UsageError
from caesar.evaluators.chosen import version_of
from caesar.evaluators.installation import find_installation
from caesar.evaluators.scripted import ScriptedEvaluator
from caesar.stores.eventlog import SqliteEventLog

GPU = Device("GPU-1", "a GPU")


@pytest.fixture
def kernelbench(tmp_path):
    """A checkout."""
    package = tmp_path / "kernelbench" / "src" / "kernelbench"
    package.mkdir(parents=True)
    (package / "eval.py").write_text("")
    return tmp_path / "kernelbench"


@pytest.fixture
def store(tmp_path, kernelbench):
    """A run on a GPU that KernelBench judges too, shut in by namespaces."""
    setup = Setup(completions=(completion("incorrect"), completion("passed 0.5")))
    setup.problems = setup.problems[:1]
    setup.spec = replace(
        setup.spec,
        backend=Backend.CUDA,
        evaluation=replace(setup.spec.evaluation, judge=JudgeKind.BOTH, isolation=Isolation.NAMESPACE),
        model=replace(setup.spec.model, name=f"scripted:{tmp_path / 'script.json'}"),
    )
    (tmp_path / "script.json").write_text(json.dumps([completion("passed")]))
    setup.evaluator_version = version_of(find_installation({}, root=kernelbench))
    with SqliteEventLog.open(tmp_path / "caesar.db", clock_us=setup.clock.now_us) as log:
        setup.log = log
        setup.run()
    return tmp_path / "caesar.db"


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    """A machine with a GPU, as far as choosing one goes."""
    monkeypatch.delenv("KERNELBENCH_PYTHON", raising=False)
    for command in ("prepare", "reevaluate"):
        monkeypatch.setattr(f"caesar.cli.{command}.choose_devices", lambda backend, names: (GPU,))


@pytest.fixture
def prepared(monkeypatch):
    """What would be run."""
    runs = []
    for command in ("resume", "fork"):
        monkeypatch.setattr(f"caesar.cli.{command}.run_prepared", lambda each: runs.append(each) or 0)
    return runs


def common(store, *, kernelbench, exclusive=False):
    return CommonOptions((), exclusive, kernelbench, store, store.parent / "runs", json=True)


def forking(options):
    forked = ForkOptions("fake", 1, 1, {}, (), name=None, group=None, common=options)
    return fork_command(forked, "1", sample=0, spec=None)


def test_a_resumed_run_has_the_judges_that_it_pinned_and_is_the_same_run(store, kernelbench, prepared):
    resume_command("fake", common(store, kernelbench=kernelbench, exclusive=True))

    (resumed,) = prepared
    installation = find_installation({}, root=kernelbench)
    with SqliteEventLog.open(store, clock_us=lambda: 0, read_only=True) as log:
        run = fold_run(log.read("RUN"))
        assert extension(run, resumed.configuration, pinned_spec=log.texts([run.spec])[run.spec]) is None
    assert (installation, True) == (resumed.kernelbench, resumed.options.exclusive)


def test_a_fork_has_its_parents_judges_and_pins_their_version(store, kernelbench, prepared):
    forking(common(store, kernelbench=kernelbench))

    (forked,) = prepared
    installation = find_installation({}, root=kernelbench)
    assert (installation, version_of(installation)) == (forked.kernelbench, forked.configuration.evaluator)


@pytest.mark.parametrize("again", [lambda options: resume_command("fake", options), forking])
def test_without_kernelbench_neither_begins(store, prepared, again):
    with pytest.raises(UsageError, match="set KERNELBENCH_ROOT"):
        again(common(store, kernelbench=None))

    assert [] == prepared


class FaultyOnce(ScriptedEvaluator):
    """Breaks at its first evaluation, for a reason that is not the candidate's."""

    def __init__(self):
        super().__init__()
        self.settings = []

    async def evaluate(self, evaluate, grant):
        self.settings.append(evaluate.settings)
        if len(self.settings) == 1:
            raise Fault("evaluator", "the judge went away")
        return await super().evaluate(evaluate, grant)


@pytest.fixture
def opened(monkeypatch):
    """What the machinery was opened with; scripted, on one device."""
    seen = SimpleNamespace(evaluator=ScriptedEvaluator(), requests=[])

    class Pool(MemoryDevicePool):
        async def acquire(self, request, *, affinity=""):
            seen.requests.append(request)
            return await super().acquire(request, affinity=affinity)

    @asynccontextmanager
    async def machinery(devices, backend, **options):
        seen.options = options
        yield SimpleNamespace(builder=ScriptedBuilder(), evaluator=seen.evaluator, devices=Pool(1))

    monkeypatch.setattr("caesar.cli.reevaluate.machinery", machinery)
    return seen


def reevaluated(store, kernelbench):
    options = ReevaluateOptions("fake", ("RUN/1/0",), devices=(), kernelbench=kernelbench, store=store)
    return reevaluate_command(options, json=True)


def test_recorded_candidates_are_judged_again_by_the_specs_judges_and_shut_in_as_it_says(
    store, kernelbench, opened, capsys
):
    assert 0 == reevaluated(store, kernelbench)

    assert find_installation({}, root=kernelbench) == opened.options["kernelbench"]
    assert Isolation.NAMESPACE == opened.options["isolation"]
    assert ["RUN/1/0:1.0:evaluate", "RUN/1/0:2.0:evaluate"] == opened.requests


def test_a_fault_costs_one_candidate_its_second_judgement_and_not_the_others(
    store, kernelbench, opened, capsys
):
    opened.evaluator = FaultyOnce()

    assert 1 == reevaluated(store, kernelbench)

    first, second = json.loads(capsys.readouterr().out)["candidates"]
    assert (None, "the judge went away") == (first["today"], first["fault"])
    assert ("passed", None, True) == (second["today"], second["fault"], second["agrees"])
