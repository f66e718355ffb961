"""Memory that the judge makes and the candidate maps: a memory file on the CPU, a device allocation on CUDA.

The judge writes; whoever is given the descriptor of a sealed buffer can only read it. On the CPU the
kernel enforces that for every mapping made after the seal. On CUDA the mapping is read-only in
hardware, but a hostile process may map the allocation again: the judge looks at its inputs afterwards.

Imports torch: judge and candidate only.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import secrets
import warnings
import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import torch

from caesar.evaluators.driver import did, driver

__all__ = ["Buffer", "DeviceBuffer", "HostBuffer", "OwnBuffer", "attach_buffer", "create_buffer"]

_F_SEAL_FUTURE_WRITE = 0x10
"""Python has no name for it: no new writable mapping and no write, while older mappings stay writable."""

_MOST_PIECES = 16
_LEAST_PIECE = 1 << 16

_ALONE_BYTES = 8 << 20
"""Pieces of host memory up to this size are written by one thread.

Torch's threads wait for each other at the end of every piece: where something else has one of their cores, a
megabyte takes ten times as long as it takes one thread, and half a millisecond becomes a time slice.
"""

_FIXED = fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK
"""A file that can't shrink can't fault in whoever maps it."""


class Buffer(ABC):
    """So many bytes that two processes see."""

    nbytes: int
    descriptor: int
    """What the other process attaches; closed with the buffer, while its tensors and their mapping stay."""

    def __init__(self, nbytes: int, descriptor: int) -> None:
        self.nbytes = nbytes
        self.descriptor = descriptor
        if descriptor >= 0:
            weakref.finalize(self, os.close, descriptor).atexit = False  # a process that ends closes them all

    @abstractmethod
    def view(
        self, offset: int, shape: Sequence[int], stride: Sequence[int], dtype: torch.dtype
    ) -> torch.Tensor:
        """A tensor over a part of it; the buffer has to outlive the tensor."""

    def bytes(self) -> torch.Tensor:
        """All of it."""
        return self.view(0, (self.nbytes,), (1,), torch.uint8)

    def fill(self, value: int) -> None:
        """Overwrite every byte with one value, piece by piece in an order that nobody can foresee."""
        whole = self.bytes()
        for piece in _scattered(self.nbytes):
            _fill(whole[piece], value)

    def wipe(self) -> None:
        """Overwrite it with zeros, as fill() does."""
        self.fill(0)


class HostBuffer(Buffer):
    """A memory file, mapped."""

    def __init__(self, descriptor: int, nbytes: int, *, writable: bool) -> None:
        super().__init__(nbytes, descriptor)
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        self._memory = mmap.mmap(descriptor, max(1, nbytes), flags=mmap.MAP_SHARED, prot=protection)

    @classmethod
    def create(cls, nbytes: int, *, sealed: bool) -> Self:
        """A new one, writable here; elsewhere too unless sealed."""
        descriptor = os.memfd_create("caesar", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, max(1, nbytes))
        buffer = cls(descriptor, nbytes, writable=True)
        seals = _FIXED | (_F_SEAL_FUTURE_WRITE if sealed else 0) | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        return buffer

    def view(
        self, offset: int, shape: Sequence[int], stride: Sequence[int], dtype: torch.dtype
    ) -> torch.Tensor:
        """A tensor over a part of the mapping."""
        extent = _extent(shape, stride)
        if extent == 0:
            return torch.empty(tuple(shape), dtype=dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of read-only memory, which is the point of it
            flat = torch.frombuffer(self._memory, dtype=dtype, count=extent, offset=offset)
        return flat.as_strided(tuple(shape), tuple(stride))


class OwnBuffer(Buffer):
    """Memory that only this process sees, in which a copy of a shared buffer is read like the buffer."""

    def __init__(self, nbytes: int, *, cuda: bool) -> None:
        super().__init__(nbytes, descriptor=-1)
        self._flat = torch.zeros(max(1, nbytes), dtype=torch.uint8, device="cuda" if cuda else "cpu")

    def view(
        self, offset: int, shape: Sequence[int], stride: Sequence[int], dtype: torch.dtype
    ) -> torch.Tensor:
        """A tensor over a part of it."""
        return _view(self._flat, offset, shape, stride, dtype)

    def take(self, other: Buffer) -> None:
        """Copy another buffer of the same size, piece by piece in an order that nobody can foresee.

        Whoever still writes to the other one does not get to every piece before it is copied.
        """
        ours, theirs = self.bytes(), other.bytes()
        for piece in _scattered(self.nbytes):
            _copy(ours[piece], theirs[piece])


class DeviceBuffer(Buffer):
    """A device allocation that a descriptor names, mapped (CUDA's virtual memory management)."""

    address: int
    """Where it is mapped in this process."""

    def __init__(self, handle: Any, descriptor: int, nbytes: int, *, writable: bool) -> None:
        super().__init__(nbytes, descriptor)
        cuda = driver()
        self._size = _padded(nbytes)
        self.address = int(did(cuda.cuMemAddressReserve(self._size, 0, 0, 0)))
        did(cuda.cuMemMap(self.address, self._size, 0, handle, 0))
        access = cuda.CUmemAccessDesc()
        access.location = _here(cuda)
        flags = cuda.CUmemAccess_flags
        access.flags = (
            flags.CU_MEM_ACCESS_FLAGS_PROT_READWRITE if writable else flags.CU_MEM_ACCESS_FLAGS_PROT_READ
        )
        did(cuda.cuMemSetAccess(self.address, self._size, [access], 1))
        did(cuda.cuMemRelease(handle))  # the mapping keeps the memory

    @classmethod
    def create(cls, nbytes: int) -> Self:
        """A new one, writable here; whoever attaches it says how it maps it."""
        cuda = driver()
        handle = did(cuda.cuMemCreate(_padded(nbytes), _properties(cuda), 0))
        kind = cuda.CUmemAllocationHandleType.CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR
        descriptor = int(did(cuda.cuMemExportToShareableHandle(handle, kind, 0)))
        return cls(handle, descriptor, nbytes, writable=True)

    @classmethod
    def attach(cls, descriptor: int, nbytes: int, *, writable: bool) -> Self:
        """The allocation that a descriptor names, mapped here."""
        cuda = driver()
        kind = cuda.CUmemAllocationHandleType.CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR
        handle = did(cuda.cuMemImportFromShareableHandle(descriptor, kind))
        return cls(handle, descriptor, nbytes, writable=writable)

    def view(
        self, offset: int, shape: Sequence[int], stride: Sequence[int], dtype: torch.dtype
    ) -> torch.Tensor:
        """A tensor over a part of the mapping."""
        flat = torch.as_tensor(_Foreign(self.address, self._size), device="cuda")
        return _view(flat, offset, shape, stride, dtype)


class _Foreign:
    """Device memory in the form in which torch takes it over without a copy."""

    def __init__(self, address: int, nbytes: int) -> None:
        self.__cuda_array_interface__ = {
            "data": (address, False),  # torch refuses what says that it is read-only
            "shape": (nbytes,),
            "typestr": "|u1",
            "version": 3,
            "strides": None,
        }


def create_buffer(nbytes: int, *, cuda: bool, sealed: bool) -> Buffer:
    """A buffer of the judge's."""
    return DeviceBuffer.create(nbytes) if cuda else HostBuffer.create(nbytes, sealed=sealed)


def attach_buffer(descriptor: int, nbytes: int, *, cuda: bool, writable: bool) -> Buffer:
    """The judge's buffer, in the candidate; closes the descriptor with it."""
    if cuda:
        return DeviceBuffer.attach(descriptor, nbytes, writable=writable)
    return HostBuffer(descriptor, nbytes, writable=writable)


def _view(
    flat: torch.Tensor, offset: int, shape: Sequence[int], stride: Sequence[int], dtype: torch.dtype
) -> torch.Tensor:
    """A tensor over a part of some bytes."""
    extent = _extent(shape, stride)
    if extent == 0:
        return torch.empty(tuple(shape), dtype=dtype, device=flat.device)
    part = flat.narrow(0, offset, extent * dtype.itemsize).view(dtype)
    return part.as_strided(tuple(shape), tuple(stride))


def _fill(piece: torch.Tensor, value: int) -> None:
    if _is_for_one_thread(piece):
        ctypes.memset(piece.data_ptr(), value, piece.nbytes)
    else:
        piece.fill_(value)


def _copy(piece: torch.Tensor, source: torch.Tensor) -> None:
    if _is_for_one_thread(piece):
        ctypes.memmove(piece.data_ptr(), source.data_ptr(), piece.nbytes)
    else:
        piece.copy_(source)


def _is_for_one_thread(piece: torch.Tensor) -> bool:
    return not piece.is_cuda and piece.nbytes <= _ALONE_BYTES


def _scattered(nbytes: int) -> list[slice]:
    """All of so many bytes in pieces, in an order that nobody can foresee."""
    size = max(_LEAST_PIECE, -(-nbytes // _MOST_PIECES))
    pieces = [slice(start, min(start + size, nbytes)) for start in range(0, nbytes, size)]
    secrets.SystemRandom().shuffle(pieces)
    return pieces


def _extent(shape: Sequence[int], stride: Sequence[int]) -> int:
    """How many elements lie between the first and the last of a strided tensor, both counted."""
    if 0 in shape:
        return 0
    return 1 + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))


def _here(cuda: Any) -> Any:
    location = cuda.CUmemLocation()
    location.type = cuda.CUmemLocationType.CU_MEM_LOCATION_TYPE_DEVICE
    location.id = torch.cuda.current_device()
    return location


def _properties(cuda: Any) -> Any:
    properties = cuda.CUmemAllocationProp()
    properties.type = cuda.CUmemAllocationType.CU_MEM_ALLOCATION_TYPE_PINNED
    properties.location = _here(cuda)
    properties.requestedHandleTypes = cuda.CUmemAllocationHandleType.CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR
    return properties


def _padded(nbytes: int) -> int:
    """The size in whole granules, one at least."""
    cuda = driver()
    wanted = cuda.CUmemAllocationGranularity_flags.CU_MEM_ALLOC_GRANULARITY_MINIMUM
    granule = int(did(cuda.cuMemGetAllocationGranularity(_properties(cuda), wanted)))
    return max(1, -(-nbytes // granule)) * granule
