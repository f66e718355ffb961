"""What each tier promises, against those who try; a tier that this machine can't offer is skipped, aloud."""

import ctypes
import fcntl
import os
import resource
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from boxes import CANARY, Boxes, opened

from caesar.errors import Fault
from caesar.sandbox.box import Box, Tier
from caesar.sandbox.job import How
from caesar.sandbox.limits import Watchdog, guarded
from caesar.sandbox.linux import bar_capabilities, drop_capabilities
from caesar.sandbox.program import TARGET, program

pytestmark = pytest.mark.slow

MIB = 1 << 20
PTRACE_ATTACH = 16
FS_IOC_GETFLAGS = 0x80086601
IOPRIO_GET = {"x86_64": 252, "aarch64": 31}
TIERS = (Tier.PROCESS, Tier.NAMESPACE)
NEW = "caesar-was-here"
REFUSALS = ("PermissionError", "FileNotFoundError", "OSError")


@pytest.fixture(scope="module")
def boxes() -> Iterator[Boxes]:
    with opened() as boxes:
        yield boxes


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture(params=TIERS)
def tier(request, boxes) -> Tier:
    probed = boxes.probed(request.param)
    if probed.tier is not request.param:
        pytest.skip(f"this machine does not offer the tier: {probed.refused[request.param]}")
    return request.param


@pytest.fixture
def namespace(boxes) -> Tier:
    probed = boxes.probed(Tier.NAMESPACE)
    if probed.tier is not Tier.NAMESPACE:
        pytest.skip(f"this machine does not offer the tier: {probed.refused[Tier.NAMESPACE]}")
    return Tier.NAMESPACE


@pytest.fixture
def secret(tmp_path) -> Path:
    """A file that nothing but the box keeps anyone from."""
    path = tmp_path / "secret"
    path.write_text(CANARY)
    path.chmod(0o666)
    return path


def content(path: Path) -> bytes | None:
    """What a file holds, None where there is none."""
    return path.read_bytes() if path.exists() else None


def attributes(path: Path) -> tuple[object, ...]:
    """What its owner may change of a file without writing it."""
    found, flags = path.stat(), struct.pack("l", 0)
    with path.open() as file, suppress(OSError):  # not every file system has flags
        flags = fcntl.ioctl(file, FS_IOC_GETFLAGS, flags)
    return found.st_mode, found.st_uid, os.listxattr(path), flags


def test_honest_work_is_not_disturbed(boxes, tier, folder):
    memory = os.memfd_create("shared")

    ended = boxes.run("honest", box=Box(tier, disk_bytes=MIB), folder=folder, descriptors=(memory,))

    online = Path("/sys/devices/system/cpu/online").read_bytes()
    assert (b"thread", b"written", b"pair", online) == ended.replies, ended.output
    assert (How.EXITED, 0, "printed") == (ended.how, ended.code, ended.output)
    assert b"given" == os.pread(memory, 10, 0)
    os.close(memory)


def test_compilers_work(boxes, tier, folder):
    ended = boxes.run("compile_and_run", box=Box(tier), folder=folder)

    assert (b"42",) == ended.replies, ended.output


def test_a_job_can_become_a_program(boxes, tier, folder):
    from caesar.sandbox.job import Job

    payload = program(["sh", "-c", "echo $GREETING; pwd; exit 7"], env={"GREETING": "hello"})
    job = Job(TARGET, payload, folder, limit_s=30, output_bytes=1000, box=Box(tier))

    ended = boxes.runner.run(boxes.zygote.run(job))

    assert (How.EXITED, 7, f"hello\n{folder}\n") == (ended.how, ended.code, ended.output)


def test_what_is_written_to_the_folder_comes_back_where_the_disk_is_not_bounded(boxes, tier, folder):
    boxes.run("leave_a_file", b"result", box=Box(tier), folder=folder)

    assert b"result" == (folder / "result").read_bytes()


def test_a_bounded_folder_in_namespaces_is_memory_that_is_gone_afterwards(boxes, namespace, folder):
    ended = boxes.run("leave_a_file", b"result", box=Box(namespace, disk_bytes=MIB), folder=folder)

    assert (How.EXITED, 0) == (ended.how, ended.code)
    assert [] == list(folder.iterdir())


def test_what_the_box_shows_can_be_read_and_not_written(boxes, tier, folder, secret):
    shown = boxes.attempts(
        f"read_file({str(secret)!r})",
        f"write_file({str(secret)!r})",
        f"os.unlink({str(secret)!r})",
        box=Box(tier, reads=(secret,)),
        folder=folder,
    )

    assert f"got {CANARY!r}" == shown[0]
    assert {"got"}.isdisjoint(word.split()[0] for word in shown[1:])
    assert CANARY == secret.read_text()


@pytest.mark.parametrize(
    "attack",
    [
        "read_file({secret!r})",
        "write_file({secret!r})",
        "os.unlink({secret!r})",
        "os.rename({secret!r}, 'mine')",
        "os.link({secret!r}, 'mine')",
        "os.open({secret!r}, os.O_WRONLY | os.O_TRUNC)",
        "write_file({python!r} + '/site.py')",
        "os.unlink({python!r} + '/site.py')",
        "write_file('/usr/caesar-was-here')",
        "write_file({here!r} + '/test_tiers.py')",
        "os.listdir({home!r})",
        "os.mkdir('/dev/caesar-was-here')",
        "os.open('/dev/kmsg', os.O_RDONLY)",
        "os.open('/dev/mem', os.O_RDWR)",
    ],
)
def test_files_outside_the_box_are_out_of_reach(boxes, tier, folder, secret, attack):
    home, python, here = secret.parent, Path(os.__file__).parent, Path(__file__).parent
    named = {"secret": secret, "home": home, "python": python, "here": here}
    outside = [secret, python / "site.py", here / "test_tiers.py", Path("/usr", NEW), Path("/dev", NEW)]
    before = list(map(content, outside))

    (said,) = boxes.attempts(
        attack.format(**{name: str(path) for name, path in named.items()}), box=Box(tier), folder=folder
    )

    assert before == list(map(content, outside))
    if tier is Tier.NAMESPACE and attack.startswith("os.listdir"):
        assert "got ['work']" == said
    elif tier is Tier.NAMESPACE and attack.startswith("write_file"):
        assert said in (*REFUSALS, "got None")  # a file of that name in its own /tmp
    else:
        assert said in REFUSALS


@pytest.mark.parametrize(
    "attack",
    [
        "os.chmod({secret!r}, 0)",
        "os.chown({secret!r}, 1, 1)",
        "os.setxattr({secret!r}, 'user.mine', b'x')",
        "set_attribute_at({secret!r}, b'user.mine')",
        "set_flags({secret!r}, 0x40)",  # no dump
        "set_flags_at({secret!r}, 0x80)",  # the same, by another call
    ],
)
def test_modes_owners_and_attributes_of_files_outside_do_not_change(boxes, tier, folder, secret, attack):
    before = attributes(secret)

    boxes.attempts(attack.format(secret=str(secret)), box=Box(tier, reads=(secret,)), folder=folder)

    assert before == attributes(secret)


@pytest.mark.parametrize(
    "attack",
    [
        "read_file('/proc/{supervisor}/environ')",
        "read_file('/proc/{zygote}/environ')",
        "os.open('/proc/{supervisor}/mem', os.O_RDWR)",
        "os.kill({supervisor}, 0)",
        "os.kill({zygote}, 0)",
        "os.kill(os.getppid(), 0)",
        "libc.ptrace({attach}, {supervisor}, 0, 0) and call(101, 0)",
        "call(310, {supervisor}, None, 0, None, 0, 0)",
        "os.pidfd_open({supervisor}) and call(438, os.pidfd_open({supervisor}), 0, 0)",
    ],
)
def test_the_processes_of_the_supervisor_are_out_of_reach(boxes, tier, folder, attack):
    text = attack.format(supervisor=os.getpid(), zygote=boxes.zygote._process._popen.pid, attach=PTRACE_ATTACH)

    (said,) = boxes.attempts(text, box=Box(tier), folder=folder)

    assert not said.startswith("got"), said


@pytest.fixture
def bystander() -> Iterator[int]:
    """A process of the supervisor's user that has nothing to do with the job, and no more rights than it."""
    with subprocess.Popen(["sleep", "600"], preexec_fn=leave_rights, start_new_session=True) as process:  # noqa: PLW1509 - no thread
        yield process.pid
        process.kill()


@pytest.fixture(params=["a user of its own", "the supervisor's user"])
def box(request, tier, tmp_path) -> Box:
    """A child stays its supervisor's user where it has to read what only that may."""
    private = tmp_path / "private"
    private.touch(mode=0o600)
    return Box(tier, reads=(private,) if request.param == "the supervisor's user" else ())


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may get to."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "work").mkdir()
        yield Path(folder) / "work"


def leave_rights() -> None:
    bar_capabilities()
    drop_capabilities()


def settings(pid: int) -> tuple[object, ...]:
    """What anybody of the same user may change of a process."""
    io_priority = ctypes.CDLL(None).syscall(IOPRIO_GET[os.uname().machine], 1, pid)
    return (
        resource.prlimit(pid, resource.RLIMIT_NOFILE),
        os.sched_getaffinity(pid),
        os.sched_getscheduler(pid),
        os.getpriority(os.PRIO_PROCESS, pid),
        io_priority,
    )


@pytest.mark.parametrize(
    "attack",
    [
        "resource.prlimit({pid}, resource.RLIMIT_NOFILE, (16, 16))",
        "os.sched_setaffinity({pid}, {{min(os.sched_getaffinity(0))}})",
        "os.sched_setscheduler({pid}, os.SCHED_BATCH, os.sched_param(0))",
        "os.setpriority(os.PRIO_PROCESS, {pid}, 19)",
        "os.setpriority(os.PRIO_PGRP, {pid}, 19)",
        "libc.syscall({ioprio_set}, 1, {pid}, 3 << 13)",
        "libc.syscall({ioprio_set}, 2, {pid}, 3 << 13)",
    ],
)
def test_other_processes_keep_their_limits_cores_and_priorities(boxes, box, open_folder, bystander, attack):
    before = settings(bystander)

    expression = attack.format(pid=bystander, ioprio_set=IOPRIO_GET[os.uname().machine] - 1)
    boxes.attempts(expression, box=box, folder=open_folder)

    assert before == settings(bystander)


def test_limits_of_other_processes_are_not_even_told(boxes, box, open_folder):
    said = boxes.attempts(
        f"resource.prlimit({os.getpid()}, resource.RLIMIT_NOFILE)",
        "os.getppid() == 1 or resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)",
        box=box,
        folder=open_folder,
    )

    assert said[0] in ("PermissionError", "ProcessLookupError")
    assert said[1] in ("PermissionError", "got True")


def test_a_job_sets_its_own_limits_cores_and_priorities(boxes, box, open_folder):
    core, nice = min(os.sched_getaffinity(0)), os.getpriority(os.PRIO_PROCESS, 0)

    said = boxes.attempts(
        "resource.setrlimit(resource.RLIMIT_NOFILE, (999, 999)), resource.getrlimit(resource.RLIMIT_NOFILE)",
        "resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE)",
        "os.nice(3), os.getpriority(os.PRIO_PROCESS, 0)",
        f"os.sched_setaffinity(os.getpid(), {{{core}}}), os.sched_getaffinity(0)",
        f"in_a_thread(lambda own: os.sched_setaffinity(own, {{{core}}}))",
        f"in_a_thread(lambda own: os.setpriority(os.PRIO_PROCESS, own, {nice + 5}))",
        box=box,
        folder=open_folder,
    )

    assert [
        "got (None, (999, 999))",
        "got (999, 999)",
        f"got ({nice + 3}, {nice + 3})",
        f"got (None, {{{core}}})",
        "got None",
        "got None",
    ] == said


def test_killing_everyone_kills_nobody_but_the_job(boxes, tier, folder):
    boxes.attempts("os.kill(-1, 9)", box=Box(tier), folder=folder)

    assert ["got 1"] == boxes.attempts("1", box=Box(tier), folder=folder)


def test_no_environment_that_can_be_read_holds_a_key(boxes, tier, folder):
    ended = boxes.run(
        "attempts",
        b"[\"[(f, open(f, errors='replace').read()) for f in __import__('glob').glob('/proc/self/environ')]\"]",
        box=Box(tier),
        folder=folder,
    )

    assert CANARY not in repr(ended)


def test_the_network_is_out_of_reach(boxes, tier, folder):
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        datagrams.bind(("127.0.0.1", 0))
        datagrams.settimeout(0.2)
        said = boxes.attempts(
            f"socket.create_connection(('127.0.0.1', {listener.getsockname()[1]}), 1)",
            f"send_datagram({datagrams.getsockname()[1]})",
            "socket.socket(socket.AF_INET6)",
            "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
            "socket.socket(socket.AF_VSOCK)",
            "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)",
            box=Box(tier),
            folder=folder,
        )

        assert [] == [word for word in said if word.startswith("got")]
        with pytest.raises(TimeoutError):
            datagrams.recv(10)


def test_sockets_of_other_processes_are_out_of_reach(boxes, tier, folder):
    with socket.socket(socket.AF_UNIX) as abstract, socket.socket(socket.AF_UNIX) as named:
        abstract.bind("\0caesar-test-8c1d")
        named.bind(str(folder / "socket"))
        for listener in (abstract, named):
            listener.listen()

        said = boxes.attempts(
            "connect_to_unix('@caesar-test-8c1d')",
            f"connect_to_unix({str(folder / 'socket')!r})",
            box=Box(tier),
            folder=folder,
        )

    assert [] == [word for word in said if word.startswith("got")]


@pytest.mark.parametrize(
    "attack",
    [
        "call(272, 0x10000000)",  # unshare, a user namespace
        "call(56, 0x10000000 | 17, 0, 0, 0, 0)",  # clone, the same
        "call(435, 0, 0)",  # clone3
        "call(165, b'none', b'/', 0, 0, 0)",  # mount
        "call(308, 0, 0)",  # setns
        "call(321, 0, 0, 0)",  # bpf
        "call(298, 0, 0, 0, 0, 0)",  # perf_event_open
        "call(323, 0)",  # userfaultfd
        "call(425, 1, 0)",  # io_uring_setup
        "call(304, 0, 0, 0)",  # open_by_handle_at
        "call(250, 0, 0, 0, 0, 0)",  # keyctl
        "call(227, 0, 0)",  # clock_settime
        "call(317, 0, 0, 0)",  # seccomp
        "call(157, 22, 2, 0, 0, 0)",  # prctl, for seccomp
        "__import__('time').clock_settime(0, 0)",
        "call(0x40000000 | 39)",  # getpid by the other numbering
    ],
)
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86_64")
def test_dangerous_calls_are_refused(boxes, tier, folder, attack):
    (said,) = boxes.attempts(attack, box=Box(tier), folder=folder)

    assert said in ("PermissionError", "OSError"), said


def test_the_child_has_no_rights_to_give_away(boxes, tier, folder):
    ended = boxes.run("who", box=Box(tier), folder=folder)

    status = dict(line.split(":\t", 1) for line in ended.replies[1].decode().splitlines() if ":\t" in line)
    capabilities = {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    if os.geteuid() == 0:
        assert {"0000000000000000"} == capabilities
    assert ("0000000000000000", "1", "2") == (status["CapEff"], status["NoNewPrivs"], status["Seccomp"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a child a user of its own")
def test_in_namespaces_root_starts_children_as_nobody_in_particular(boxes, namespace, folder):
    boxes.run("leave_a_file", b"result", box=Box(namespace), folder=folder)

    assert (folder / "result").stat().st_uid >= 0x60000000


def test_cores_that_a_child_is_pinned_to_are_all_it_gets(boxes, tier, folder):
    core = min(os.sched_getaffinity(0))

    ended = boxes.run("who", box=Box(tier, cpus=(core,)), folder=folder)
    tried = boxes.run("leave_the_cores", box=Box(tier, cpus=(core,)), folder=folder)

    assert f"[{core}]]".encode() in ended.replies[0]
    assert () == tried.replies


def test_a_fork_bomb_ends_at_its_limit(boxes, tier, folder):
    ended = boxes.run("fork_bomb", box=Box(tier, processes=40), folder=folder, limit_s=60)

    assert (How.PROCESS_LIMIT, 0, 0) == (ended.how, ended.code, ended.survivors)


def test_a_flood_of_threads_ends_at_its_limit(boxes, tier, folder):
    ended = boxes.run("thread_bomb", box=Box(tier, processes=40), folder=folder, limit_s=60)

    assert How.PROCESS_LIMIT == ended.how


def test_a_crash_leaves_no_core_and_gives_none_to_a_program(boxes, tier, folder):
    """With a limit of 0 the kernel still starts the program that core_pattern may name."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    most = 1 if hard else 0

    said = boxes.attempts("resource.getrlimit(resource.RLIMIT_CORE)", box=Box(tier), folder=folder)

    assert [f"got ({most}, {most})"] == said


def test_open_files_are_bounded(boxes, tier, folder):
    ended = boxes.run("open_everything", box=Box(tier), folder=folder)

    assert int(ended.replies[0]) < 5000


@pytest.mark.parametrize("target", ["eat_memory", "eat_memory_in_children"])
def test_memory_is_bounded_over_all_processes(boxes, tier, folder, target):
    box = Box(tier, memory_bytes=128 * MIB)

    ended = boxes.run(target, b"%d" % (8 * MIB), box=box, folder=folder, limit_s=60)

    assert (How.MEMORY_LIMIT, 0, 0) == (ended.how, ended.code, ended.survivors)


def test_memory_files_that_nobody_has_mapped_count_where_the_kernel_counts(boxes, tier, folder):
    box = Box(tier, memory_bytes=128 * MIB)
    with guarded(box) as guard:
        if isinstance(guard, Watchdog):
            pytest.skip("no control group can be made here")

    ended = boxes.run("eat_memory_in_files", b"%d" % (512 * MIB), box=box, folder=folder)

    assert How.MEMORY_LIMIT is ended.how


def test_memory_files_are_as_large_as_it_takes_where_the_disk_is_not_bounded(boxes, tier, folder):
    shown = boxes.attempts("os.ftruncate(os.memfd_create('inputs'), 5 << 30)", box=Box(tier), folder=folder)

    assert ["got None"] == list(shown)


def test_disks_are_bounded_in_namespaces(boxes, namespace, folder):
    box = Box(namespace, disk_bytes=4 * MIB)

    ended = boxes.run("fill_disk", b'["", "/tmp", "/dev/shm", "/var/tmp"]', box=box, folder=folder)

    assert 4 == len(ended.replies), ended.output
    for reply in ended.replies:
        written, _comma, error = reply.decode().strip("[]").partition(", ")
        assert '"No space left on device"' == error
        assert int(written) <= 4 * MIB


def test_each_file_is_bounded_where_that_is_asked_for(boxes, tier, folder):
    ended = boxes.run("fill_disk", b'[""]', box=Box(tier, file_bytes=MIB - 1), folder=folder)

    (reply,) = ended.replies
    assert b'"File too large"' in reply


def test_nothing_can_be_made_that_outlives_every_process(boxes, tier, folder):
    said = boxes.attempts(
        "checked(libc.shmget(0x5EC2E7, 1 << 20, 0o1666))",
        "checked(libc.semget(0x5EC2E7, 1, 0o1666))",
        "checked(libc.msgget(0x5EC2E7, 0o1666))",
        "checked(libc.mq_open(b'/caesar-5ec2e7', os.O_CREAT | os.O_RDWR, 0o600, None))",
        box=Box(tier),
        folder=folder,
    )

    assert ["OSError"] * 4 == said


def test_only_its_own_processes_exist_in_namespaces(boxes, namespace, folder):
    said = boxes.attempts(
        "sorted(n for n in os.listdir('/proc') if n.isdecimal())", box=Box(namespace), folder=folder
    )

    assert ["got ['1', '2']"] == said


def test_lock_files_are_not_there_in_namespaces(boxes, namespace, folder, tmp_path):
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "gpu0.lock").touch()

    said = boxes.attempts(
        "everything_readable('/', ['gpu0.lock', 'secret'])", box=Box(namespace), folder=folder
    )

    assert ["got []"] == said


def test_a_box_that_cannot_be_made_is_a_fault_that_says_which_step(boxes, tier, folder):
    box = Box(tier, cpus=(4095,))

    with pytest.raises(Fault, match="could not be run"):
        boxes.run("honest", box=box, folder=folder)


def test_killing_a_boxed_job_is_soon(boxes, tier, folder):
    began = time.monotonic()

    ended = boxes.run("fork_bomb", box=Box(tier, processes=None), folder=folder, limit_s=0.2)

    assert (How.TIMED_OUT, 0) == (ended.how, ended.survivors)
    assert time.monotonic() - began < 20


def test_modules_from_elsewhere_than_pythons_folders_are_found_and_their_neighbours_are_not(
    boxes, tier, folder
):
    neighbour = Path(__file__).parent / "test_tiers.py"

    said = boxes.attempts(
        f"read_file({str(neighbour)!r})",
        "len(__import__('inspect').getsource(honest)) > 100",
        box=Box(tier),
        folder=folder,
    )

    assert not said[0].startswith("got")
    assert "got True" == said[1]


def test_the_probe_finds_a_tier_soon_and_says_why_not_a_stricter_one(boxes):
    from caesar.sandbox.probe import probe

    found = boxes.runner.run(probe(boxes.zygote))

    assert found.tier in tuple(Tier)
    assert all(sentence.startswith("Tier ") for sentence in found.refused.values())
    assert found.tier is found.at_least(Tier.NONE)
