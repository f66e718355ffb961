"""The commands that keep stores, on a run that fakes recorded."""

from __future__ import annotations

import asyncio
import json
import shutil
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from engine.worlds import Setup, forked
from stores.recorded_store import record_run, vandalise

from caesar.cli.look import open_store, status_command
from caesar.cli.replay import ReplayOptions, replay_command
from caesar.cli.report import report_command
from caesar.cli.store import backup_command, copy_command, repair_command, rm_command, verify_command
from caesar.engine.plan import started
from caesar.errors import StoreError, UsageError
from caesar.events import RunForked, RunResumed
from caesar.ports import Append
from caesar.prompts.render import shipped
from caesar.stores.eventlog import SqliteEventLog

BAD = "UPDATE events SET body = body || ' ' WHERE stream = 'RUN/1/1' AND version = 12"


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "caesar.db"
    record_run(path)
    return path


@pytest.fixture
def store(sound, tmp_path):
    return shutil.copy(sound, tmp_path / "caesar.db")


@pytest.fixture
def damaged(store):
    vandalise(store, BAD)
    return store


def run_called(name):
    """The first event of a run, and the texts that it names."""
    configuration = replace(Setup().configuration(), name=name)
    sources = (problem.source for problem in configuration.problems)
    return started(configuration, run=name.upper()), (
        configuration.spec_text,
        *configuration.templates.values(),
        *sources,
    )


def fork_end(store):
    """The version of the last event of RUN/1/0 that a fork shares."""
    with open_store(store) as log:
        return log.read("FORK/1/0")[0].event.version


@pytest.fixture
def printed(capsys):
    """What was printed on stdout, read as JSON."""
    return lambda: json.loads(capsys.readouterr().out)


def test_a_sound_store_is_said_to_be_sound(store, capsys):
    assert 0 == verify_command(store, (), json=False)

    assert capsys.readouterr().out.endswith("texts: sound\n")


def test_a_damaged_trajectory_is_named_with_its_run_problem_sample_and_event(damaged, capsys):
    assert 1 == verify_command(damaged, ("fake",), json=False)

    assert "run fake, problem 1, sample 1: damaged from event 12 on" in capsys.readouterr().out


def test_verifying_prints_one_document(damaged, printed):
    verify_command(damaged, (), json=True)

    found = printed()
    assert [("fake", "RUN/1/1", 12)] == [(one["run"], one["stream"], one["event"]) for one in found["damages"]]
    assert found["sound"] is False


def test_a_repaired_store_is_sound_and_has_what_could_be_kept(damaged, tmp_path, printed):
    new = tmp_path / "new.db"

    assert 1 == repair_command(damaged, new, json=True)

    left = {each["stream"]: each["copied"] for each in printed()["left_behind"]}
    assert 11 == left["RUN/1/1"]
    assert {"RUN", "RUN/1/1"} == set(left)
    assert 0 == verify_command(new, (), json=False)


def pages(path):
    """How large the pages of the file are, and how many it has."""
    data = path.read_bytes()
    size = int.from_bytes(data[16:18])
    return size, len(data) // size


@pytest.mark.slow
@pytest.mark.parametrize("fill", [b"\xff", b"\0"], ids=["ones", "zeros"])
def test_whichever_page_of_the_file_is_gone_it_is_told_and_the_rest_is_repaired(sound, tmp_path, fill, capsys):
    size, count = pages(sound)
    assert count > 20
    repaired = 0
    for page in range(1, count):
        store, new = tmp_path / f"{page}.db", tmp_path / f"{page}-new.db"
        data = bytearray(sound.read_bytes())
        data[page * size : (page + 1) * size] = fill * size
        store.write_bytes(data)

        assert 1 == verify_command(store, (), json=False), page
        assert "damaged" in capsys.readouterr().out
        with suppress(StoreError):
            repair_command(store, new, json=True)
            repaired += 1
            assert 0 == verify_command(new, (), json=False), page

    assert repaired > count / 2


def test_a_run_is_verified_by_name_also_where_the_stores_runs_cannot_be_listed(damaged, monkeypatch, capsys):
    def unreadable(log):
        raise StoreError("a page is gone")

    monkeypatch.setattr("caesar.cli.store.readable_runs", unreadable)

    assert 1 == verify_command(damaged, ("fake",), json=False)

    assert "run RUN, problem 1, sample 1: damaged from event 12 on" in capsys.readouterr().out


def test_a_damaged_trajectory_does_not_stop_the_others_from_being_read(damaged, capsys):
    status_command(damaged, json=True)
    status = json.loads(capsys.readouterr().out)["runs"][0]["trajectories"]
    report_command(damaged, (), json=True)
    told = capsys.readouterr()

    assert (3, 1) == (status["finished"], status["damaged"])
    run = json.loads(told.out)["runs"][0]
    assert (3, 4) == (run["finished"], run["planned"])
    assert "left out: stream RUN/1/1 is damaged from version 12 on" in told.err


def test_a_fork_whose_parent_is_damaged_behind_what_it_shares_is_read_but_in_no_figure(store, capsys):
    with SqliteEventLog.open(store, clock_us=lambda: 1) as log:
        setup = Setup(log=log)
        forked(setup, turn=1)
    end = fork_end(store)
    vandalise(store, f"UPDATE events SET body = '{{}}' WHERE stream = 'RUN/1/0' AND version = {end + 1}")

    status_command(store, json=True)
    told = json.loads(capsys.readouterr().out)["runs"]
    states = {run["run"]: run["trajectories"] for run in told}
    report_command(store, ("FORK",), json=True)
    shown = json.loads(capsys.readouterr().out)["runs"]

    assert (2, 0) == (states["FORK"]["finished"], states["FORK"]["damaged"])
    assert 1 == states["fake"]["damaged"]
    assert 1 == next(run["finished"] for run in shown if run["run"] == "FORK")


def test_a_copied_run_and_a_backup_are_sound(store, tmp_path):
    copy_command(store, ("fake",), tmp_path / "copy.db")
    backup_command(store, tmp_path / "backup.db")

    assert [0, 0] == [verify_command(tmp_path / name, (), json=False) for name in ("copy.db", "backup.db")]


def test_a_store_is_not_copied_to_itself(store):
    with pytest.raises(UsageError, match="itself"):
        copy_command(store, ("fake",), store)


def test_a_removed_run_is_gone(store, capsys):
    rm_command(store, "fake")
    status_command(store, json=True)

    assert [] == json.loads(capsys.readouterr().out.split("\n", 1)[1])["runs"]


def test_a_run_is_removed_from_the_store_that_a_link_names_and_the_link_stays(store, tmp_path):
    (tmp_path / "link.db").symlink_to(store)

    rm_command(tmp_path / "link.db", "fake")

    assert (tmp_path / "link.db").is_symlink()
    with open_store(store) as log:
        assert () == log.streams()


def test_a_run_that_is_worked_on_is_not_removed_by_a_link_either(store, tmp_path):
    (tmp_path / "link.db").symlink_to(store)

    with (
        SqliteEventLog.open(store, clock_us=lambda: 1) as log,
        log.own("fake"),
        pytest.raises(StoreError, match="is being worked on"),
    ):
        rm_command(tmp_path / "link.db", "fake")


def test_no_run_is_removed_or_copied_where_that_would_hide_that_events_are_missing(store, tmp_path, capsys):
    with open_store(store) as log:
        last = log.read("RUN/1/0")[-1].seq
    vandalise(store, "DELETE FROM events WHERE seq = ?", (last,))
    first, texts = run_called("other")
    with SqliteEventLog.open(store, clock_us=lambda: 1) as log:
        asyncio.run(log.append(Append("OTHER", 0, (first,), texts)))

    for command in (
        lambda: rm_command(store, "other"),
        lambda: copy_command(store, ("fake",), tmp_path / "new.db"),
    ):
        with pytest.raises(StoreError, match=f"the event numbered {last} is missing"):
            command()
    capsys.readouterr()
    repair_command(store, tmp_path / "repaired.db", json=False)

    assert 1 == verify_command(store, (), json=False)
    assert f"the event numbered {last} is missing from the store" in capsys.readouterr().err


def test_a_missing_store_is_named_also_where_the_copys_is_there(store, tmp_path):
    with pytest.raises(UsageError, match="there is no store here"):
        copy_command(tmp_path / "none.db", ("fake",), store)


@pytest.fixture
def meanwhile(store, monkeypatch):
    """Has something be appended after `rm` looked at the store and before it takes it over."""

    def arrange(stream, *events, texts=()):
        @contextmanager
        def owning_later(run, folder):
            if not appended:
                appended.append(run)
                with SqliteEventLog.open(store, clock_us=lambda: 1) as log:
                    asyncio.run(log.append(Append(stream, len(log.read(stream)), events, texts)))
            yield

        monkeypatch.setattr("caesar.cli.store.owning", owning_later)

    appended = []
    return arrange


def test_what_a_run_appended_while_another_was_removed_is_kept(store, meanwhile):
    first, texts = run_called("other")
    with SqliteEventLog.open(store, clock_us=lambda: 1) as log:
        asyncio.run(log.append(Append("OTHER", 0, (first,), texts)))
    meanwhile("OTHER", RunResumed("0.1.0"))

    rm_command(store, "fake")

    with open_store(store) as log:
        assert ["run_started", "run_resumed"] == [envelope.kind for envelope in log.read("OTHER")]


def test_a_run_that_was_forked_while_it_was_to_be_removed_stays(store, meanwhile):
    first, texts = run_called("fork")
    meanwhile("FORK", first, RunForked("RUN", ()), texts=texts)

    with pytest.raises(UsageError, match="holds the turns that fork go on from"):
        rm_command(store, "fake")

    with open_store(store) as log:
        assert {"RUN", "FORK"} <= set(log.streams())


def test_a_replayed_run_is_equal(store, printed):
    assert 0 == replay_command(ReplayOptions(store, "fake"), json=True)

    found = printed()
    assert (4, 12, 4, []) == (found["trajectories"], found["turns"], found["equal"], found["divergences"])


def test_one_trajectory_is_replayed_by_problem_and_sample_or_name(store, printed):
    replay_command(ReplayOptions(store, "fake", ("2/1", "one")), json=True)

    assert 3 == printed()["trajectories"]


def test_a_trajectory_that_is_not_there_is_refused_with_how_to_name_one(store):
    with pytest.raises(UsageError, match="name a problem, or a problem and a sample as in 3/0"):
        replay_command(ReplayOptions(store, "fake", ("9/0",)), json=True)


def test_a_divergence_is_told_with_its_place_and_its_diff(store, capsys, monkeypatch):
    texts = {**shipped(), "feedback_build_log.j2": "Compiler's log:\n\n{{ log }}"}
    monkeypatch.setattr("caesar.cli.replay.shipped", lambda: texts)

    assert 1 == replay_command(ReplayOptions(store, "fake"), json=False)

    told = capsys.readouterr().out
    assert "problem 1 sample 0: event 10 (turn_ended), turn 1: feedback differs" in told
    assert "  -Build log:\n  +Compiler's log:" in told
    assert "4 trajectories part at turn 1, turn_ended: feedback" in told
    assert "0 of 4 equal" in told


def test_a_damaged_trajectory_stops_no_replay_of_a_run_that_does_not_say_on_what_it_was(tmp_path, printed):
    """As runs of the first version: what the hardware was called is looked for in every trajectory."""
    store = tmp_path / "caesar.db"
    record_run(store, device_name=None)
    vandalise(store, BAD)

    assert 1 == replay_command(ReplayOptions(store, "fake"), json=True)

    found = printed()
    assert (3, 3, 1) == (found["trajectories"], found["equal"], len(found["damaged"]))


@pytest.mark.parametrize("events_kept", [0, 6])
def test_a_trajectory_that_has_lost_its_end_is_not_called_equal(store, printed, events_kept):
    vandalise(
        store,
        "DELETE FROM events WHERE version > ? AND stream = 'RUN/1/0'",
        (events_kept,),
    )

    assert 1 == replay_command(ReplayOptions(store, "fake"), json=True)

    found = printed()
    assert (3, 3, 1) == (found["trajectories"], found["equal"], len(found["damaged"]))


def test_with_its_own_templates_it_is_equal_all_the_same(store, monkeypatch, printed):
    monkeypatch.setattr("caesar.cli.replay.shipped", dict)

    assert 0 == replay_command(ReplayOptions(store, "fake", pinned=True), json=True)
