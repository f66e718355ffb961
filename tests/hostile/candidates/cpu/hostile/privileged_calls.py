# problem: relu_add
# rows: isolation 51, isolation 54
# verdict: passed
# effect: none
# tiers: process, namespace
# note: tries system calls that a candidate has no business with; returns zeros, and says which, if one succeeds
import ctypes
import platform
import socket

import torch
from torch import nn

libc = ctypes.CDLL(None, use_errno=True)
KEYCTL = 250 if platform.machine() == "x86_64" else 219


def opened(family, kind, protocol=0):
    try:
        socket.socket(family, kind, protocol).close()
        return 0
    except OSError:
        return -1


def clock_set():
    now = (ctypes.c_long * 2)()
    libc.clock_gettime(0, now)
    return libc.clock_settime(0, now)


ACTS = {
    "mount": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
    "umount": lambda: libc.umount2(b"/proc", 2),
    "chroot": lambda: libc.chroot(b"/proc"),
    "unshare": lambda: libc.unshare(0x10000000),
    "setns": lambda: libc.setns(0, 0),
    "clock_settime": clock_set,
    "sethostname": lambda: libc.sethostname(b"hostile", 7),
    "ptrace": lambda: libc.ptrace(16, 1, None, None),
    "keyctl": lambda: libc.syscall(KEYCTL, 0, -3, 0),
    "raw socket": lambda: opened(socket.AF_INET, socket.SOCK_RAW, 1),
    "netlink": lambda: opened(socket.AF_NETLINK, socket.SOCK_RAW, 0),
}


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.allowed = [name for name, act in ACTS.items() if act() >= 0]

    def forward(self, x, y):
        if self.allowed:
            raise RuntimeError(f"allowed: {self.allowed}")
        return torch.relu(x + y)
