import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesar.sandbox.seccomp import Filter

ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MACHINES = ("x86_64", "aarch64")
AF_UNIX, AF_INET = 1, 2
STREAM, DGRAM, RAW, SEQPACKET, CLOEXEC = 1, 2, 3, 5, 0o2000000


def verdict(allowed: Filter, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the kernel's machine makes of the program for one call."""
    words = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("IIQ6Q", number, architecture or ARCHITECTURE[allowed.machine], 0, *words)
    steps = list(struct.iter_unpack("HBBI", allowed.program()))
    accumulator, at = 0, 0
    while True:
        operation, if_true, if_false, operand = steps[at]
        at += 1
        match operation:
            case 0x20:
                (accumulator,) = struct.unpack_from("I", data, operand)
            case 0x54:
                accumulator &= operand
            case 0x15:
                at += if_true if accumulator == operand else if_false
            case 0x35:
                at += if_true if accumulator >= operand else if_false
            case 0x45:
                at += if_true if accumulator & operand else if_false
            case 0x06:
                return operand


@pytest.mark.parametrize(
    ("machine", "calls"),
    [("x86_64", {"read": 0, "fork": 57, "memfd_create": 319}), ("aarch64", {"read": 63, "memfd_create": 279})],
)
def test_what_everyone_needs_is_allowed(machine, calls):
    assert {ALLOW} == {verdict(Filter(machine), number) for number in calls.values()}


@pytest.mark.parametrize(("machine", "ptrace", "mount"), [("x86_64", 101, 165), ("aarch64", 117, 40)])
def test_dangerous_calls_are_refused_by_each_machines_numbers(machine, ptrace, mount):
    assert {REFUSE | errno.EPERM} == {verdict(Filter(machine), number) for number in (ptrace, mount)}


@pytest.mark.parametrize(
    ("machine", "calls"), [("x86_64", (29, 64, 68, 240)), ("aarch64", (194, 190, 186, 180))]
)
def test_memory_and_queues_that_would_outlive_the_job_are_not_there(machine, calls):
    assert {REFUSE | errno.ENOSYS} == {verdict(Filter(machine), number) for number in calls}


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_of_another_architecture_kill(machine):
    assert KILL == verdict(Filter(machine), 0, architecture=0x40000003)


@given(st.integers(0x40000000, 0xFFFFFFFF))
def test_the_second_numbering_of_x86_is_refused(number):
    assert REFUSE | errno.ENOSYS == verdict(Filter("x86_64"), number)


@pytest.mark.parametrize(("machine", "clone"), [("x86_64", 56), ("aarch64", 220)])
@given(bit=st.sampled_from([0x80, *(1 << shift for shift in (17, 25, 26, 27, 28, 29, 30))]))
def test_clone_makes_processes_and_threads_but_no_namespaces(machine, clone, bit):
    threads = 0x3D0F00

    assert ALLOW == verdict(Filter(machine), clone, threads)
    assert ALLOW == verdict(Filter(machine), clone, 17)
    assert REFUSE | errno.EPERM == verdict(Filter(machine), clone, threads | bit)
    assert REFUSE | errno.ENOSYS == verdict(Filter(machine), 435)


@pytest.mark.parametrize(("machine", "socket"), [("x86_64", 41), ("aarch64", 198)])
@given(family=st.integers(0, 50), kind=st.sampled_from([STREAM, DGRAM, RAW, SEQPACKET]))
def test_sockets_are_streams_of_this_machine_only(machine, socket, family, kind):
    said = verdict(Filter(machine), socket, family, kind | CLOEXEC, 0)

    if family != AF_UNIX:
        assert REFUSE | errno.EAFNOSUPPORT == said
    else:
        assert (ALLOW if kind in (STREAM, SEQPACKET) else REFUSE | errno.EPERM) == said


def test_owners_rights_do_nothing_among_others_of_the_same_user():
    chmod, setxattrat, removexattrat, file_setattr = 90, 463, 466, 469

    for call in (chmod, setxattrat, removexattrat, file_setattr):
        assert ALLOW == verdict(Filter("x86_64"), call)
        assert REFUSE == verdict(Filter("x86_64", shares_user_as=4711), call)


@pytest.mark.parametrize(("machine", "ioctl"), [("x86_64", 16), ("aarch64", 29)])
def test_requests_to_file_systems_are_refused_among_others_of_the_same_user(machine, ioctl):
    set_flags, enable_verity, new_subvolume, set_generation = 0x40086602, 0x40806685, 0x5000940E, 0x40087602
    of_terminals, of_cuda, of_managed_memory = 0x541B, 0xC020462A, 0x30000001
    alone, shared = Filter(machine), Filter(machine, shares_user_as=4711)

    for request in (set_flags, enable_verity, new_subvolume, set_generation):
        assert (ALLOW, REFUSE | errno.ENOTTY) == (
            verdict(alone, ioctl, 3, request),
            verdict(shared, ioctl, 3, request),
        )
    for request in (of_terminals, of_cuda, of_managed_memory):
        assert ALLOW == verdict(shared, ioctl, 3, request)
    for allowed in (alone, shared):
        assert REFUSE | errno.EPERM == verdict(allowed, ioctl, 0, 0x5412)


@pytest.mark.parametrize(("machine", "prlimit64"), [("x86_64", 302), ("aarch64", 261)])
def test_limits_among_others_of_the_same_user_are_ones_own(machine, prlimit64):
    shared = Filter(machine, shares_user_as=4711)

    assert [ALLOW, ALLOW] == [verdict(shared, prlimit64, pid) for pid in (0, 4711)]
    assert [REFUSE | errno.EPERM] * 2 == [verdict(shared, prlimit64, pid) for pid in (1, 4712)]
    assert ALLOW == verdict(Filter(machine), prlimit64, 1)


@pytest.mark.parametrize(
    ("machine", "calls"), [("x86_64", (203, 144, 142, 314)), ("aarch64", (122, 119, 118, 274))]
)
def test_cores_and_schedules_among_others_of_the_same_user_are_ones_own(machine, calls):
    shared = Filter(machine, shares_user_as=4711)

    for call in calls:
        assert [ALLOW, ALLOW, REFUSE, REFUSE] == [verdict(shared, call, pid) for pid in (0, 4711, 1, 4712)]
        assert ALLOW == verdict(Filter(machine), call, 1)


@pytest.mark.parametrize(
    ("machine", "call", "process"),
    [("x86_64", 141, 0), ("x86_64", 251, 1), ("aarch64", 140, 0), ("aarch64", 30, 1)],
)
@given(kind=st.integers(0, 5), who=st.sampled_from([0, 1, 4711, 4712]))
def test_priorities_among_others_of_the_same_user_are_ones_own_and_no_groups(machine, call, process, kind, who):
    said = verdict(Filter(machine, shares_user_as=4711), call, kind, who)

    assert (ALLOW if kind == process and who in (0, 4711) else REFUSE) == said


def test_what_a_register_holds_above_a_number_does_not_count():
    shared, prlimit64, garbage = Filter("x86_64", shares_user_as=4711), 302, 0xDEAD << 32

    assert ALLOW == verdict(shared, prlimit64, garbage)
    assert REFUSE | errno.EPERM == verdict(shared, prlimit64, garbage | 1)


def test_cores_are_kept_where_they_are_to_be():
    sched_setaffinity = 203

    assert ALLOW == verdict(Filter("x86_64"), sched_setaffinity)
    assert REFUSE | errno.EPERM == verdict(Filter("x86_64", keeps_cores=False), sched_setaffinity)


def test_other_machines_have_no_filter():
    with pytest.raises(OSError, match="not for riscv64"):
        Filter("riscv64")
