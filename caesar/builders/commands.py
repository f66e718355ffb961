"""The command lines of compilers and linker, each for a working folder of its own that the output goes to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path, PurePosixPath

from caesar.builders.flags import Flags, device_arch, for_compiler, for_linker, for_nvcc
from caesar.builders.toolchain import Places
from caesar.sandbox.extensions import Extension, File

__all__ = ["CHECK_ERRORS", "LIBRARY", "PRELUDE", "Headers", "Recipe", "Unit"]

LIBRARY = "extension.so"
PRELUDE = "caesar_prelude.h"

CHECK_ERRORS = 64
"""How many errors end a check by GCC."""
_CHECK = (
    f"-fmax-errors={CHECK_ERRORS}", "-Wno-fatal-errors",
    "--param", "ggc-min-heapsize=4000000", "--param", "ggc-min-expand=1000",
)  # fmt: skip
"""What makes a check end there, and, a tenth faster, collect no garbage."""
_NVCC = (
    "-D__CUDA_NO_HALF_OPERATORS__", "-D__CUDA_NO_HALF_CONVERSIONS__", "-D__CUDA_NO_BFLOAT16_CONVERSIONS__",
    "-D__CUDA_NO_HALF2_OPERATORS__", "--expt-relaxed-constexpr", "-Xcompiler", "-fPIC",
)  # fmt: skip
"""What torch passes to nvcc for every extension."""


class Headers(StrEnum):
    """Which headers stand for PyTorch's."""

    SLIM = "slim"
    """Caesar's own stand-ins."""
    REAL = "real"
    """PyTorch's."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One file to compile."""

    source: str
    object: str
    cuda: bool


@dataclass(frozen=True)
class Recipe:
    """How an extension is compiled and linked, whichever headers are used.

    Its flags are sorted out once, not for every command.
    """

    extension: Extension
    places: Places
    std: str
    arch: str | None
    slim: Path
    """The folder of the slim headers."""
    sources: Path
    """Where the extension's files lie."""
    made: Path
    """Where the objects lie when they are linked."""

    @property
    def units(self) -> tuple[Unit, ...]:
        """The files to compile."""
        compiled = [file for file in self.extension.files if file.compiled]
        return tuple(
            Unit(str(self.sources / file.path), f"{number}.o", self._is_cuda(file))
            for number, file in enumerate(compiled)
        )

    @property
    def dropped(self) -> tuple[str, ...]:
        """The flags that are not passed on."""
        includes = [f"-I{folder}" for folder in self.extension.includes if not self._confined(Path(folder))]
        return tuple(dict.fromkeys((*includes, *self._cxx.dropped, *self._nvcc.dropped, *self._link.dropped)))

    def compile(self, unit: Unit, headers: Headers, *, first: Sequence[Path] = ()) -> list[str]:
        """The command that makes a unit's object; the folders of `first` are looked in before any other."""
        return [*self._front(unit, headers, first), "-c", unit.source, "-o", unit.object]

    def check(self, unit: Unit, *, first: Sequence[Path] = ()) -> list[str]:
        """The command that finds a unit's errors with the real headers, as cheaply as can be.

        GCC's front end alone, which optimising says nothing new after; of nvcc the front end and the
        device's code, which both see all of the source.
        """
        front = self._front(unit, Headers.REAL, first)
        if unit.cuda:
            return [*front, "-ptx", unit.source, "-o", "checked.ptx"]
        bounds = _CHECK if self.places.gcc else ()
        return [*normalised(front), "-fsyntax-only", *bounds, unit.source]

    def precompile(self, header: str, output: str) -> list[str]:
        """The command that precompiles a header for the checks of C++ units like this extension's."""
        front = self._front(Unit("", "", cuda=False), Headers.REAL, ())
        return [*normalised(unnamed(front)), "-x", "c++-header", header, "-o", output]

    def link(self, headers: Headers, support: Path | None) -> list[str]:
        """The command that makes the library of the objects."""
        torch = self.places.torch / "lib"
        objects = [str(self.made / unit.object) for unit in self.units]
        command = [self.places.cxx, *objects, "-shared", *self._link.kept]
        command += ["-fuse-ld=gold"] if self.places.gold else []
        if headers is Headers.SLIM and support is not None:
            command += ["-Wl,--gc-sections", "-Wl,--exclude-libs,ALL", str(support)]
        cuda = ("c10_cuda", "torch_cuda") if self.extension.with_cuda else ()
        names = [
            name
            for name in ("c10", "torch_cpu", *cuda, "torch", "torch_python")
            if (torch / f"lib{name}.so").exists()
        ]
        command += [f"-L{torch}", *(f"-l{name}" for name in names)]
        return [*command, *self._cudart(), "-o", LIBRARY]

    def _cudart(self) -> list[str]:
        if not self.extension.with_cuda or self.places.cuda is None:
            return []
        folders = [self.places.cuda / name for name in ("lib64", "lib")]
        return next(
            ([f"-L{folder}", "-lcudart"] for folder in folders if (folder / "libcudart.so").exists()), []
        )

    def _front(self, unit: Unit, headers: Headers, first: Sequence[Path]) -> list[str]:
        """All of a command but what is to be done."""
        defined = [f"-DTORCH_EXTENSION_NAME={self.extension.name}", "-DTORCH_API_INCLUDE_EXTENSION_H"]
        includes = [f"-I{folder}" for folder in (*first, *self._own_includes())]
        mapped = f"-ffile-prefix-map={self.sources}/="
        slim = [self.slim / "standins", self.slim / "include"] if headers is Headers.SLIM else []
        for folder in (*slim, *self._torchs_headers()):
            includes += ["-isystem", str(folder)]
        before = ["-include", str(self.sources / PRELUDE)] if headers is Headers.SLIM else []
        if unit.cuda:
            return [
                self._nvcc_path(),
                *defined,
                *includes,
                *_NVCC,
                *self._arch_flags(),
                *self._cuda_flags(),
                *before,
            ]
        return [
            self.places.cxx,
            *defined,
            *includes,
            mapped,
            "-fPIC",
            f"-std={self.std}",
            *self._cxx.kept,
            *before,
        ]

    def _nvcc_path(self) -> str:
        return self.places.nvcc or "nvcc"

    def _arch_flags(self) -> list[str]:
        number = device_arch(self.extension.cuda_cflags, self.arch or "9.0")
        return [f"-gencode=arch=compute_{number},code=sm_{number}"]

    def _cuda_flags(self) -> list[str]:
        kept = list(self._nvcc.kept)
        has_std = any(flag.lstrip("-").startswith("std") for flag in kept)
        return kept if has_std else [*kept, f"-std={self.std}"]

    def _own_includes(self) -> list[str]:
        return [
            str(self.sources / folder) for folder in self.extension.includes if self._confined(Path(folder))
        ]

    def _torchs_headers(self) -> tuple[Path, ...]:
        headers = self.places.headers
        if self.extension.with_cuda:
            return headers
        return tuple(
            folder for folder in headers if self.places.cuda is None or folder != self.places.cuda / "include"
        )

    def _confined(self, path: Path) -> bool:
        """Whether a folder is among the files, or one that compilers may read anyway."""
        if ".." in path.parts:
            return False
        return not path.is_absolute() or any(path.is_relative_to(root) for root in self.places.reads)

    def _is_cuda(self, file: File) -> bool:
        return self.extension.with_cuda and PurePosixPath(file.path).suffix in (".cu", ".cuh")

    @cached_property
    def _cxx(self) -> Flags:
        return for_compiler(self.extension.cflags, confined=self._confined)

    @cached_property
    def _nvcc(self) -> Flags:
        return for_nvcc(self.extension.cuda_cflags, confined=self._confined)

    @cached_property
    def _link(self) -> Flags:
        return for_linker(self.extension.ldflags, confined=self._confined)


def normalised(command: Iterable[str]) -> list[str]:
    """A command for a check: to a front end all levels of optimisation are one, and precompiled headers fit."""
    levels = {"-O", "-O1", "-O2", "-O3", "-Os", "-Og", "-Oz"}
    kept = [flag for flag in command if flag not in levels and flag != "-O0"]
    return [*(flag if flag != "-Ofast" else "-ffast-math" for flag in kept), "-O2"]


def unnamed(command: Iterable[str]) -> list[str]:
    """A command without what differs between extensions and matters to no header."""
    return [
        flag for flag in command if not flag.startswith(("-D", "-I", "-W", "-w", "-g", "-ffile-prefix-map="))
    ]
