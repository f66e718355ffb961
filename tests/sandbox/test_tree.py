import os
import subprocess
import sys

import pytest

from caesar.sandbox import tree

pytestmark = pytest.mark.slow

SHELL = "sleep 600 & setsid sleep 600 & wait"


@pytest.fixture
def shell():
    process = subprocess.Popen(["/bin/sh", "-c", f"echo started; {SHELL}"], stdout=subprocess.PIPE)
    process.stdout.readline()
    while len(list(tree.descendants(process.pid))) < 2:
        assert process.poll() is None
    yield process
    for pid in [*tree.descendants(process.pid), process.pid]:
        os.kill(pid, 9)
    process.communicate()


def test_descendants_are_found_in_other_sessions_too(shell):
    found = set(tree.descendants(os.getpid()))

    assert shell.pid in found
    assert len(set(tree.descendants(shell.pid)) & found) == 2


def test_what_lies_below_a_spared_process_is_spared(shell):
    found = set(tree.descendants(os.getpid(), spare=frozenset({shell.pid})))

    assert not found & {shell.pid, *tree.descendants(shell.pid)}


def test_a_kernel_without_lists_of_children_is_scanned(shell):
    assert set(tree._children(shell.pid)) == set(tree._children_by_scan(shell.pid))


def test_killing_returns_the_number_of_those_that_would_not_die():
    program = (
        "import os, time\n"
        "from caesar.sandbox import tree\n"
        "spared = os.fork() or time.sleep(600)\n"
        "os.fork() or time.sleep(600)\n"
        "tree.os.kill, kill = lambda *_: None, os.kill\n"
        "print(tree.kill_descendants(lambda *_: None, within_s=0.05, spare=[spared]), end=' ')\n"
        "tree.os.kill = kill\n"
        "ended = []\n"
        "note = lambda *each: ended.append(each)\n"
        "print(tree.kill_descendants(note, within_s=5, spare=[spared]), len(ended), end=' ')\n"
        "print(tree.kill_descendants(note, within_s=5), len(ended))\n"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert "1 0 1 0 2\n" == printed
