"""Forks in SQL, and what two runs that continue the same turns differ by."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from dataclasses import replace
from functools import partial

import pytest
from engine.worlds import Setup, completion, with_turns

from caesar.domain import Finding
from caesar.engine.fork import origins
from caesar.engine.plan import fold_run, members, started
from caesar.engine.scheduler import RunStream, run_all
from caesar.evaluators.scripted import ScriptedEvaluator
from caesar.events import RunForked
from caesar.models.scripted import ScriptedModel
from caesar.reports.database import connect
from caesar.reports.paired import comparisons, median_of, share_difference
from caesar.reports.query import Table, run_query, sql
from caesar.reports.report import QUERIES, report
from caesar.reports.tables import sheets
from caesar.stores.eventlog import SqliteEventLog
from caesar.stores.relations import event_batches

SLOW, FAST, FASTEST = (completion(f"passed {ms}") for ms in (2, 0.25, 0.125))

NO_RUNS = dict.fromkeys(QUERIES, Table((), ()))


class Suspicious(ScriptedEvaluator):
    """Finds something in every candidate of problem 1 that puts its speedup in doubt."""

    async def evaluate(self, evaluate, grant):
        found = await super().evaluate(evaluate, grant)
        if evaluate.problem.id != "1":
            return found
        return replace(
            found, evaluation=replace(found.evaluation, findings=(Finding("vacuous", "zeros would pass"),))
        )


async def fork(setup, *, run, completions, turn=1, evaluator=None):
    """Continue both trajectories of RUN after the turn with other completions."""
    log = setup.log
    begun = origins(log.read, fold_run(log.read("RUN")), [("1", 0), ("2", 0)], turn=turn, samples=1)
    configuration = replace(setup.configuration(), name=run, forked=RunForked("RUN", begun))
    stream = RunStream(log, run, version=0)
    texts = (configuration.spec_text,)
    first = await stream.append(started(configuration, run=run), configuration.forked, texts=texts)
    world = setup.world()
    world = replace(world, model=ScriptedModel(completions), evaluator=evaluator or world.evaluator)
    await run_all(world, fold_run(first), members(fold_run(first), seed=0), stream=stream)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """RUN, slow in both turns; its forks S, as slow, T, fast in the second turn, and U, faster with a doubt."""
    path = tmp_path_factory.mktemp("forks") / "caesar.db"
    setup = Setup(completions=(SLOW, SLOW))
    setup.spec = with_turns(setup.spec, 2)
    with SqliteEventLog.open(path, clock_us=setup.clock.now_us) as log:
        setup.log = log
        setup.run()
        asyncio.run(fork(setup, run="S", completions=(SLOW, SLOW)))
        asyncio.run(fork(setup, run="T", completions=(SLOW, FAST)))
        asyncio.run(fork(setup, run="U", completions=(SLOW, FASTEST), evaluator=Suspicious()))
    connection = connect(partial(event_batches, path))
    yield connection
    connection.close()


def test_a_fork_has_the_turns_that_it_shares_and_says_whose_they_are(database):
    rows = sql(
        database, "SELECT turn, shared, owner, outcome FROM turns WHERE stream = 'T/1/0' ORDER BY turn"
    ).rows

    assert ((1, True, "RUN/1/0", "passed"), (2, False, "T/1/0", "passed")) == rows


def test_what_is_shared_is_counted_once(database):
    rows = sql(database, f"SELECT run, turns, planned, finished, pending FROM ({query('summary')})").rows

    forks = tuple((name, 2, 2, 2, 0) for name in "STU")
    assert (("RUN", 4, 2, 2, 0), *forks) == rows


def test_fast_p_after_a_shared_turn_is_the_parents(database):
    rows = sql(database, f"SELECT run, turn, fast_p FROM ({query('fast_p')}) WHERE p = 1").rows

    assert {("RUN", 1, 0.0), ("RUN", 2, 0.0), ("T", 1, 0.0), ("T", 2, 1.0)} <= set(rows)


@pytest.fixture(scope="module")
def compared(database):
    return {(one.name, one.against): one for one in comparisons(run_query(database, "paired"))}


def test_runs_that_continue_the_same_turns_are_compared_in_pairs(compared):
    assert {(later, earlier) for earlier, later in itertools.combinations(("RUN", "S", "T", "U"), 2)} == set(
        compared
    )
    better = compared["T", "S"]
    assert (2, 2, 2, 0) == (better.problems, better.pairs, better.measured.better, better.measured.worse)
    assert 1.0 == better.measured.fast_1.value
    assert math.isclose(8.0, better.measured.ratio.value)
    assert better.measured.ratio.low is None
    same = compared["S", "RUN"].measured
    assert (0.0, 1.0) == (same.fast_1.value, same.ratio.value)
    assert same.fast_1.low < 0 < same.fast_1.high


def test_where_nothing_is_in_doubt_a_comparison_is_the_same_without_doubts(compared):
    assert 0 == compared["T", "S"].doubted
    assert compared["T", "S"].measured == compared["T", "S"].undoubted


def test_a_doubted_candidate_counts_as_measured_and_as_not_passed(compared):
    found = compared["U", "S"]

    assert 1 == found.doubted
    assert (2, 1.0) == (found.measured.better, found.measured.fast_1.value)
    assert math.isclose(16.0, found.measured.ratio.value)
    # problem 1 is left with its first turn, which no one doubts
    assert (1, 0.5) == (found.undoubted.better, found.undoubted.fast_1.value)
    assert math.isclose(4.0, found.undoubted.ratio.value)


def test_a_doubt_has_a_row_of_its_own(compared):
    sheet = next(sheet for sheet in sheets(report(NO_RUNS, paired=tuple(compared.values()))) if sheet.rows)

    rows = [row for row in sheet.rows if row[0].startswith("U") and row[1] == "S"]
    assert ["U", "U, undoubted"] == [row[0] for row in rows]
    assert ["2/0", "1/0"] == [row[6] for row in rows]
    assert not any(row[0].startswith("T, ") for row in sheet.rows)


def query(name):
    from caesar.reports.analysis import query_text

    return query_text(name)


def test_no_forks_give_no_comparisons():
    assert () == comparisons(Table(("run",), ()))


@pytest.mark.parametrize(("count", "known"), [(5, False), (6, True)])
def test_a_median_has_an_interval_from_six_values_on(count, known):
    estimate = median_of(range(count))

    assert known is (estimate.low is not None)


def test_the_interval_of_a_median_holds_it_in_at_least_95_of_100():
    draw = random.Random(3)
    held = sum(
        estimate.low <= 0 <= estimate.high
        for _ in range(1000)
        for estimate in (median_of(draw.gauss(0, 1) ** 3 for _ in range(15)),)
    )

    assert held >= 940  # 0.95, less two standard errors of the simulation


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3])
def test_the_interval_of_a_difference_of_shares_holds_it_in_some_95_of_100(share):
    draw = random.Random(5)
    held = sum(
        estimate.low <= 0 <= estimate.high
        for _ in range(1000)
        for estimate in (
            share_difference([(draw.random() < share) - (draw.random() < share) for _ in range(20)]),
        )
    )

    assert held >= 935
