"""What a hostile candidate would try, each run in a box: answers with what it got, or the error it got."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource  # noqa: F401 - for the expressions
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

AT_CWD = -100
Reply = Callable[[bytes], None]
libc = ctypes.CDLL(None, use_errno=True)


def attempts(payload: bytes, reply: Reply) -> None:
    """Evaluate each expression of a list; a list of None or the error's name comes back."""
    said = []
    for expression in json.loads(payload):
        try:
            value = eval(expression, globals())
            said.append(f"got {value!r:.200}")
        except OSError as error:
            said.append(type(error).__name__)
    reply(json.dumps(said).encode())


def call(number: int, *arguments: object) -> int:
    """A raw system call; OSError where it fails."""
    return checked(libc.syscall(ctypes.c_long(number), *arguments))


def checked(result: int) -> int:
    """What a call of the C library returned; OSError where it failed."""
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def in_a_thread(work: Callable[[int], object]) -> None:
    """Do something in a thread of its own, which is given its number."""
    failed: list[OSError] = []

    def run() -> None:
        try:
            work(threading.get_native_id())
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    for error in failed:
        raise error


def send_datagram(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"secret", ("127.0.0.1", port))


def connect_to_unix(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path.replace("@", "\0"))


def read_file(path: str) -> str:
    return Path(path).read_text()


def write_file(path: str) -> None:
    with Path(path).open("a") as file:
        file.write("x")


def set_attribute_at(path: str, name: bytes) -> None:
    """setxattrat, the same number everywhere."""
    value = ctypes.create_string_buffer(b"x", 1)
    given = struct.pack("QII", ctypes.addressof(value), 1, 0)
    call(463, AT_CWD, path.encode(), 0, name, given, ctypes.c_size_t(len(given)))


def set_flags(path: str, flags: int) -> None:
    """FS_IOC_SETFLAGS, for which it is enough to have opened the file for reading."""
    with Path(path).open() as file:
        fcntl.ioctl(file, 0x40086602, struct.pack("l", flags))


def set_flags_at(path: str, flags: int) -> None:
    """file_setattr, the same number everywhere."""
    given = struct.pack("QIIII", flags, 0, 0, 0, 0)
    call(469, AT_CWD, path.encode(), given, ctypes.c_size_t(len(given)), 0)


def everything_readable(root: str, names: list[str]) -> list[str]:
    """The files of some names anywhere below a folder."""
    return [
        str(Path(folder, name)) for folder, _folders, files in os.walk(root) for name in files if name in names
    ]


def fork_bomb(_payload: bytes, _reply: Reply) -> None:
    while True:
        with suppress(OSError):
            os.fork()
        time.sleep(0.001)


def thread_bomb(_payload: bytes, _reply: Reply) -> None:
    while True:
        with suppress(RuntimeError):
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        time.sleep(0.001)


def open_everything(_payload: bytes, reply: Reply) -> None:
    opened = 0
    try:
        while True:
            os.open("/dev/null", os.O_RDONLY)
            opened += 1
    except OSError:
        reply(str(opened).encode())


def eat_memory(payload: bytes, _reply: Reply) -> None:
    """Blocks small enough that no single allocation fails; holds on to them where one fails all the same."""
    held = []
    with suppress(MemoryError):
        while True:
            held.append(bytearray(int(payload)))
            held[-1][::4096] = b"x" * len(held[-1][::4096])
    time.sleep(600)


def eat_memory_in_children(payload: bytes, reply: Reply) -> None:
    """A tree of processes, none of which holds much."""
    for _child in range(32):
        if os.fork() == 0:
            block = bytearray(int(payload))
            block[::4096] = b"x" * len(block[::4096])
            time.sleep(600)
    time.sleep(600)


def eat_memory_in_files(payload: bytes, _reply: Reply) -> None:
    """Files in memory that no process has mapped, so many bytes of them in all."""
    for _file in range(int(payload) >> 20):
        os.write(os.memfd_create("file"), b"x" * (1 << 20))


def fill_disk(payload: bytes, reply: Reply) -> None:
    """How much fits into each folder, and which error ended it."""
    for folder in json.loads(payload):
        written, block = 0, b"x" * (1 << 20)
        try:
            for number in range(1000):
                with Path(folder or ".", f"file{number}").open("wb") as file:
                    written += file.write(block)
        except OSError as error:
            reply(json.dumps([written, error.strerror]).encode())
        for number in range(1000):
            Path(folder or ".", f"file{number}").unlink(missing_ok=True)


def compile_and_run(_payload: bytes, reply: Reply) -> None:
    Path("a.c").write_text("int f(void) { return 42; }")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "a.so", "a.c"], check=True)
    reply(str(ctypes.CDLL(str(Path("a.so").absolute())).f()).encode())


def honest(_payload: bytes, reply: Reply, *descriptors: int) -> None:
    """What candidates need: files, processes, threads, shared memory, libraries, the processor's count."""
    Path("file").write_text("written")
    Path("file").replace("other")
    found = subprocess.run(["cat", "other"], check=True, capture_output=True, text=True).stdout
    thread = threading.Thread(target=reply, args=(b"thread",))
    thread.start()
    thread.join()
    memory = os.memfd_create("memory")
    os.write(memory, found.encode())
    reply(os.pread(memory, 100, 0))
    one, other = socket.socketpair()
    one.send(b"pair")
    reply(other.recv(10))
    reply(Path("/sys/devices/system/cpu/online").read_bytes())
    for descriptor in descriptors:
        os.write(descriptor, b"given")
    sys.stdout.write("printed")


def who(_payload: bytes, reply: Reply) -> None:
    reply(json.dumps([os.getuid(), os.getpid(), sorted(os.sched_getaffinity(0))]).encode())
    reply(Path("/proc/self/status").read_bytes())


def leave_the_cores(_payload: bytes, reply: Reply) -> None:
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    reply(b"left")


def leave_a_file(payload: bytes, _reply: Reply) -> None:
    Path("result").write_bytes(payload)


def cuda_kernel(_payload: bytes, reply: Reply) -> None:
    import torch

    reply(str(torch.ones(1024, device="cuda").add(1).sum().item()).encode())


def cuda_hang(_payload: bytes, _reply: Reply) -> None:
    """Work that keeps the device busy far beyond any limit."""
    import torch

    while True:
        torch.cuda._sleep(1 << 40)
        torch.cuda.synchronize()


def set_clocks(_payload: bytes, reply: Reply) -> None:
    """NVML's answer to a request to lock the clocks; 0 if it was granted."""
    nvml = ctypes.CDLL("libnvidia-ml.so.1")
    nvml.nvmlInit_v2()
    device = ctypes.c_void_p()
    nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device))
    reply(str(nvml.nvmlDeviceSetGpuLockedClocks(device, 300, 300)).encode())
