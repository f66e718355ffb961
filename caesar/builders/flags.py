"""Which of a candidate's compiler and linker flags are passed on: those known to change code and nothing else.

A flag can make a compiler load a plugin, read or write any file or run another program, so the list is
of what is allowed. What is dropped is said in the build's log.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Flags", "device_arch", "for_compiler", "for_linker", "for_nvcc"]

_FEATURES = frozenset({
    "PIC", "aggressive-loop-optimizations", "associative-math", "builtin", "cx-limited-range",
    "data-sections", "exceptions", "expensive-optimizations", "fast-math", "finite-math-only",
    "function-sections", "gcse", "inline", "inline-functions", "ipa-cp", "ivopts", "loop-interchange",
    "loop-unroll-and-jam", "math-errno", "merge-all-constants", "modulo-sched", "omit-frame-pointer",
    "openmp", "openmp-simd", "peel-loops", "permissive", "pic", "plt", "prefetch-loop-arrays",
    "reciprocal-math", "rename-registers", "rounding-math", "rtti", "schedule-insns", "schedule-insns2",
    "semantic-interposition", "short-enums", "signed-char", "signed-zeros", "split-loops",
    "stack-protector", "strict-aliasing", "strict-overflow", "trapping-math", "tree-loop-distribution",
    "tree-loop-vectorize", "tree-slp-vectorize", "tree-vectorize", "unroll-all-loops", "unroll-loops",
    "unsafe-math-optimizations", "unsigned-char", "variable-expansion-in-unroller",
    "visibility-inlines-hidden", "web", "whole-program", "wrapv",
})  # fmt: skip
"""The -f switches of GCC that are allowed, with and without `no-`."""

_DEFINED = r"-[DU][A-Za-z_]\w*(\([\w, ]*\))?(=.*)?"
_COMPILER = re.compile(
    r"-O[0-3sgz]?|-Ofast|-std=(c|gnu)\+\+[0-9a-z]{2}"
    r"|-m(arch|tune|cpu|prefer-vector-width)=[\w.+-]+|-mno-[\w.-]+|-m[a-z][\w.]*|-m64"
    rf"|-f(no-)?({'|'.join(sorted(_FEATURES))})"
    r"|-fvect-cost-model=\w+|-fvisibility=\w+|-ffp-contract=\w+|-fopt-info"
    r"|-fconstexpr-(depth|loop-limit|ops-limit)=\d+|-ftemplate-depth=\d+|-fmax-errors=\d+"
    r"|-W(no-)?(?!l,|a,|p,)[\w+=-]+|-w|-g[0-3]?|-pthread|-pipe|-pedantic"
    rf"|{_DEFINED}",
    re.DOTALL,
)
_NVCC = re.compile(
    r"-O[0-3]?|--optimize=[0-3]|--?std=c\+\+[0-9a-z]{2}|--?use_fast_math|--?lineinfo|--generate-line-info"
    r"|--?restrict|--?(fmad|ftz|prec-div|prec-sqrt|extra-device-vectorization)(=(true|false))?"
    r"|--?maxrregcount=\d+|--?expt-relaxed-constexpr|--?(expt-)?extended-lambda|--?device-debug|-G|-g"
    r"|--?default-stream=[\w-]+|-w|--disable-warnings|-Wno-[\w-]+|--?diag-suppress=[\d,]+"
    r"|--?keep-device-functions|--?resource-usage|--?relaxed-constexpr"
    rf"|{_DEFINED}",
    re.DOTALL,
)
_LINKER = re.compile(
    r"-l[\w.+-]+|-fopenmp|-lpthread|-pthread|-O[0-3sg]?|-Ofast|-Wl,-?-(no-)?as-needed|-Wl,-O[0-3]"
    r"|-Wl,--gc-sections|-s|-g|-m64|-shared|-fPIC"
)
_PTXAS = re.compile(
    r"-v|--verbose|-O[0-4]|--opt-level=\d|-dlcm=\w+|-dscm=\w+|--warn-on-\w[\w-]*"
    r"|--allow-expensive-optimizations=\w+|-w|--maxrregcount=\d+"
)
_CUDAFE = re.compile(r"--diag_suppress=[\w,]+|--display_error_number")
_ARCH = re.compile(r"--?(arch|gpu-architecture|gencode|generate-code|code|gpu-code)(=.*)?")
_PASSED_ON = {
    "-Xcompiler": "-Xcompiler",
    "--compiler-options": "-Xcompiler",
    "-Xptxas": "-Xptxas",
    "--ptxas-options": "-Xptxas",
}
_TAKES_VALUE = frozenset({
    "-Xcompiler", "--compiler-options", "-Xptxas", "--ptxas-options", "-Xcudafe", "-I", "-isystem",
    "-L", "-D", "-U", "-include", "-imacros", "-iquote", "-idirafter", "-aux-info", "-dumpbase", "-o",
    "-ccbin", "--compiler-bindir", "-maxrregcount",
    "--maxrregcount", "-arch", "--gpu-architecture", "-gencode", "--generate-code", "-Xlinker",
    "-Xassembler", "-Xpreprocessor", "-MF", "-MT", "-x", "-T", "-B", "-specs", "-wrapper", "-std",
    "--std", "-t", "--threads", "-optf", "--options-file", "-diag-suppress", "-default-stream", "-code",
    "--gpu-code",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flags:
    """What is passed on of a list of flags, and what is not."""

    kept: tuple[str, ...]
    dropped: tuple[str, ...]


def for_compiler(given: Sequence[str], *, confined: Callable[[Path], bool]) -> Flags:
    """GCC's flags; include folders must be confined to what the compiler may see anyway."""
    return _sorted_out(given, lambda flag, value: _compiler_flag(flag, value, confined))


def for_nvcc(given: Sequence[str], *, confined: Callable[[Path], bool]) -> Flags:
    """The flags of nvcc, with those it passes on to GCC and ptxas; the architecture is the device's to say."""
    return _sorted_out(given, lambda flag, value: _nvcc_flag(flag, value, confined))


def for_linker(given: Sequence[str], *, confined: Callable[[Path], bool]) -> Flags:
    """The linker's flags: libraries, where they are found, and what changes no file but the output."""
    return _sorted_out(given, lambda flag, value: _linker_flag(flag, value, confined))


def device_arch(given: Sequence[str], arch: str) -> str:
    """The number of the device's architecture (9.0 is 90), with the features (90a) that the flags ask for."""
    number = arch.replace(".", "")
    asked = f"{number}a" in re.findall(r"(?:sm|compute)_(\d+a)", " ".join(given))
    return f"{number}a" if asked else number


def _sorted_out(given: Sequence[str], judge: Callable[[str, str | None], list[str] | None]) -> Flags:
    kept: list[str] = []
    dropped: list[str] = []
    for flag, value in _paired(_words(given)):
        passed = judge(flag, value)
        if passed is None:
            dropped.append(f"{flag} {value}" if value else flag)
        else:
            kept += passed
    return Flags(tuple(kept), tuple(dropped))


def _words(given: Sequence[str]) -> list[str]:
    """The flags as a shell would see them: one string may hold several, as ninja's command line allows."""
    words: list[str] = []
    for flag in given:
        try:
            words += shlex.split(flag)
        except ValueError:
            words.append(flag)
    return words


def _paired(words: Iterable[str]) -> Iterable[tuple[str, str | None]]:
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if equals and name in _PASSED_ON:
            yield name, value
        elif word in _TAKES_VALUE:
            yield word, next(rest, "")
        else:
            yield word, None


def _compiler_flag(flag: str, value: str | None, confined: Callable[[Path], bool]) -> list[str] | None:
    if flag in ("-D", "-I", "-U") and value:
        return _compiler_flag(flag + value, None, confined)
    if flag == "-isystem" and value and not value.startswith("-"):
        return [flag, value] if confined(Path(value)) else None
    if value is None and flag.startswith("-I"):
        return [flag] if confined(Path(flag[2:])) else None
    return [flag] if value is None and _COMPILER.fullmatch(flag) else None


def _nvcc_flag(flag: str, value: str | None, confined: Callable[[Path], bool]) -> list[str] | None:
    if flag.startswith("-I") or flag in ("-isystem", "-D", "-U"):
        return _compiler_flag(flag, value, confined)
    if flag in _PASSED_ON and value:
        return _passed_on(_PASSED_ON[flag], value)
    if flag == "-Xcudafe" and value:
        return [flag, value] if _CUDAFE.fullmatch(value) else None
    if _ARCH.fullmatch(flag) or flag in ("-t", "--threads"):
        return []
    if value is not None and _NVCC.fullmatch(f"{flag}={value}"):
        return [f"{flag}={value}"]
    return [flag] if value is None and _NVCC.fullmatch(flag) else None


def _passed_on(option: str, value: str) -> list[str] | None:
    parts = [part for part in re.split(r"[,\s]+", value.strip("\"' ")) if part]
    allowed = _PTXAS if option == "-Xptxas" else _COMPILER
    if not all(allowed.fullmatch(part) for part in parts):
        return None
    return [word for part in parts for word in (option, part)]


def _linker_flag(flag: str, value: str | None, confined: Callable[[Path], bool]) -> list[str] | None:
    if flag == "-L" and value:
        return [flag, value] if confined(Path(value)) else None
    if value is None and flag.startswith("-L"):
        return [flag] if confined(Path(flag[2:])) else None
    return [flag] if value is None and _LINKER.fullmatch(flag) else None
