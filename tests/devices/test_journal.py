import os
from dataclasses import replace

import pytest

from caesar.devices import journal
from caesar.devices.journal import Entry, What

GRANT = Entry(1_000_000, What.GRANT, "cpu:0", 1, pid=7, uid=0, request="r", seconds=0.25)


def test_a_line_comes_back_as_it_was_written(tmp_path):
    journal.append(tmp_path, GRANT)

    assert (GRANT,) == tuple(journal.entries(tmp_path))


def test_a_folder_without_a_journal_has_no_lines(tmp_path):
    assert () == tuple(journal.entries(tmp_path))
    assert () == journal.entries_of(tmp_path, "cpu:0", 1, since_us=0)
    assert 0 == journal.last_token(tmp_path, "cpu:0")


@pytest.mark.parametrize("character", ["x", "\0", "\u00e9", "\U0001f600"])
def test_a_line_stays_short_enough_to_be_appended_whole(tmp_path, character):
    journal.append(tmp_path, replace(GRANT, request=5000 * character, reason=5000 * character))

    assert (tmp_path / "journal.jsonl").stat().st_size < 4096
    assert 1 == len(tuple(journal.entries(tmp_path)))


def test_a_line_that_cannot_be_read_hides_no_other(tmp_path):
    journal.append(tmp_path, GRANT)
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'\n{"what": "gr')
    journal.append(tmp_path, replace(GRANT, token=2))

    assert [1, 2] == [entry.token for entry in journal.entries(tmp_path)]
    assert 1 == len(journal.entries_of(tmp_path, "cpu:0", 1, since_us=0))


def test_a_line_that_a_full_disk_cut_short_is_an_error_and_spoils_no_other(tmp_path, monkeypatch):
    journal.append(tmp_path, GRANT)
    real = os.write
    with monkeypatch.context() as full:
        full.setattr("os.write", lambda descriptor, line: real(descriptor, line[:20]))
        with pytest.raises(OSError, match=r"20 of [0-9]+ bytes of a line were written; is the disk full"):
            journal.append(tmp_path, replace(GRANT, token=2))
    journal.append(tmp_path, replace(GRANT, token=3))

    assert [1, 3] == [entry.token for entry in journal.entries(tmp_path)]
    assert 1 == len(journal.entries_of(tmp_path, "cpu:0", 3, since_us=0))


@pytest.mark.parametrize("chunk", [1, 50, 1 << 18])
def test_the_lines_about_one_grant_are_found_from_the_end(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(journal, "_CHUNK_BYTES", chunk)
    for token in range(1, 30):
        for device in ("cpu:0", "cpu:1"):
            journal.append(tmp_path, replace(GRANT, token=token, device=device))
            journal.append(tmp_path, replace(GRANT, what=What.RELEASE, token=token, device=device))

    found = journal.entries_of(tmp_path, "cpu:1", 12, since_us=0)

    assert [What.GRANT, What.RELEASE] == [entry.what for entry in found]


def test_the_search_for_a_grant_ends_well_before_its_time(tmp_path):
    journal.append(tmp_path, replace(GRANT, at_us=0))
    journal.append(tmp_path, replace(GRANT, at_us=10**9))

    assert 1 == len(journal.entries_of(tmp_path, "cpu:0", 1, since_us=10**9))


def test_the_search_for_a_grant_ends_where_the_grant_was_made(tmp_path, monkeypatch):
    for token in range(1, 100):
        journal.append(tmp_path, replace(GRANT, token=token))
    read = []
    real = journal._decoded
    monkeypatch.setattr(journal, "_decoded", lambda line: read.append(line) or real(line))

    journal.entries_of(tmp_path, "cpu:0", 99, since_us=GRANT.at_us)

    assert 1 == len(read)


def test_the_newest_token_is_that_of_the_device(tmp_path):
    for device, token in (("cpu:0", 3), ("cpu:0", 4), ("cpu:1", 9)):
        journal.append(tmp_path, replace(GRANT, device=device, token=token))

    assert 4 == journal.last_token(tmp_path, "cpu:0")


def test_the_journal_is_closed_on_exec_and_only_appended_to(tmp_path, monkeypatch):
    opened = []
    real = os.open
    monkeypatch.setattr(
        "os.open", lambda path, flag, *rest: opened.append((path, flag)) or real(path, flag, *rest)
    )

    journal.append(tmp_path, GRANT)

    flags = [flag for path, flag in opened if str(path).startswith(str(tmp_path))]
    assert flags
    assert all(flag & os.O_APPEND and flag & os.O_CLOEXEC for flag in flags)
