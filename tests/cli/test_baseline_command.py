"""Filling the cache of baselines: what is measured, what is not, and when nothing cached is believed."""

import asyncio
from contextlib import aclosing

from caesar.cli.baseline import fill
from caesar.devices.fake import MemoryDevicePool
from caesar.domain import Problem
from caesar.effects import EvaluationSettings, Tf32
from caesar.errors import Fault
from caesar.evaluators.baselines import BaselineCache, ScriptedMeter

PROBLEMS = tuple(Problem("suite", str(number), "p", f"source {number}") for number in (1, 2, 3))


class BrokenMeter(ScriptedMeter):
    async def measure_baseline(self, problem, settings, grant):
        if problem.id == "2":
            raise Fault("reference", "suite/2 can't be measured")
        return await super().measure_baseline(problem, settings, grant)


def filled(folder, *, meter=None, settings=None, refresh=False):
    async def everything():
        filling = fill(
            PROBLEMS,
            settings or EvaluationSettings(),
            meter=meter or ScriptedMeter(),
            cache=BaselineCache(folder),
            devices=MemoryDevicePool(),
            refresh=refresh,
        )
        async with aclosing(filling):
            return [each async for each in filling]

    return asyncio.run(everything())


def test_an_empty_cache_is_filled_problem_by_problem(tmp_path):
    assert ["measured"] * 3 == [each.how for each in filled(tmp_path)]


def test_what_is_cached_is_not_measured_again_but_for_the_first_which_tells_the_conditions(tmp_path):
    before = filled(tmp_path)

    again = filled(tmp_path)

    assert ["measured", "cached", "cached"] == [each.how for each in again]
    assert [each.measurements for each in before] == [each.measurements for each in again]


def test_refresh_measures_everything(tmp_path):
    filled(tmp_path)

    assert ["measured"] * 3 == [each.how for each in filled(tmp_path, refresh=True)]


def test_a_drift_of_the_first_has_everything_measured_again(tmp_path):
    filled(tmp_path)

    again = filled(tmp_path, meter=ScriptedMeter(slower=1.5))

    assert ["measured again: the cached times had drifted"] * 3 == [each.how for each in again]


def test_other_settings_are_measured_beside(tmp_path):
    gpu = ScriptedMeter(driver="580.1")
    filled(tmp_path, meter=gpu)

    both = filled(tmp_path, meter=gpu, settings=EvaluationSettings(tf32=Tf32.BOTH))

    assert ["measured"] * 3 == [each.how for each in both]
    assert {("eager", "eager+tf32")} == {tuple(one.name for one in each.measurements) for each in both}


def test_on_a_cpu_tf32_adds_nothing_to_what_is_known(tmp_path):
    filled(tmp_path)

    both = filled(tmp_path, settings=EvaluationSettings(tf32=Tf32.BOTH))

    assert ["measured", "cached", "cached"] == [each.how for each in both]
    assert {("eager",)} == {tuple(one.name for one in each.measurements) for each in both}


def test_a_reference_that_cannot_be_measured_does_not_stop_the_others(tmp_path):
    known = filled(tmp_path, meter=BrokenMeter())

    assert ["measured", "suite/2 can't be measured", "measured"] == [each.how for each in known]
    assert () == known[1].measurements
