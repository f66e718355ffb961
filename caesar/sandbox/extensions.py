"""torch's load_inline and load, answered from what was built: for children that run candidates.

The same interception takes a call's sources as data in the build child and finds the library again in
an evaluation, so both see the call alike: by the digest of everything that a library depends on, and
of no path of this machine. Nothing here imports torch before it is asked to, compiles, or writes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

from caesar.sandbox.artifact import MARK, open_plain

__all__ = ["CompilationError", "Extension", "File", "excess", "intercept", "serve"]

_HEADERS = frozenset({".h", ".hh", ".hpp", ".hxx", ".cuh", ".inl", ".inc", ".ipp", ".tpp"})
_MOST_HEADERS = 200
_MOST_CHARS = 1 << 20
"""Of all sources of one extension: nobody writes as much."""
_MOST_FILES = 400
_PATH_CHARS = 500
_NAME_CHARS = 1000
_MOST_FLAGS = 1000
_FLAG_CHARS = 4000
_FLAGS_CHARS = 32_000
"""Of all flags together."""
_MARK_BYTES = 64 << 20


class CompilationError(RuntimeError):
    """What a failed load_inline raises: a RuntimeError, as with PyTorch's own."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of an extension, by its place in the folder it is compiled in."""

    path: str
    text: str
    compiled: bool
    """False for headers, which others include."""


@dataclass(frozen=True, slots=True)
class Extension:
    """A call of load_inline or load, as everything that what it returns depends on."""

    name: str
    files: tuple[File, ...]
    cflags: tuple[str, ...] = ()
    cuda_cflags: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    """Folders: relative ones among the files, absolute ones on the machine."""
    with_cuda: bool = False
    python_module: bool = True

    @property
    def digest(self) -> str:
        """The extension's identity, equal in the build and in every evaluation."""
        told = json.dumps(asdict(self), sort_keys=True, ensure_ascii=True).encode()
        return hashlib.sha256(told).hexdigest()


def excess(extension: Extension) -> str | None:
    """What an extension has more of than is compiled, in words of bounded length; None where nothing is.

    Whoever takes an extension from a process that runs a candidate asks this first: what is done with it
    takes time and room in proportion.
    """
    files = extension.files
    flags = (*extension.cflags, *extension.cuda_cflags, *extension.ldflags, *extension.includes)
    what = f"extension {extension.name[:60]!r}"
    amounts = (
        (f"the name of {what} is longer", (len(extension.name),), _NAME_CHARS, "characters"),
        (f"{what} has more", (len(files),), _MOST_FILES, "files"),
        (f"a path of {what} is longer", (len(file.path) for file in files), _PATH_CHARS, "characters"),
        (f"the sources of {what} are longer", (sum(len(f.text) for f in files),), _MOST_CHARS, "characters"),
        (f"{what} has more", (len(flags),), _MOST_FLAGS, "flags"),
        (f"a flag of {what} is longer", map(len, flags), _FLAG_CHARS, "characters"),
        (f"the flags of {what} are longer", (sum(map(len, flags)),), _FLAGS_CHARS, "characters"),
    )
    for words, found, most, unit in amounts:
        if any(each > most for each in found):
            return f"{words} than {most} {unit}, which is more than is compiled here"
    return None


def serve(artifact: Path) -> None:
    """Make load_inline and load return, in this process, what was built into the artifact.

    A call that the build did not see raises RuntimeError: extensions are built before evaluation. One
    whose build failed raises what it raised there. Where torch can't be imported nothing happens.
    """
    known = _known(artifact)

    def find(extension: Extension) -> Path:
        found = known.get(extension.digest)
        if found is None:
            raise RuntimeError(
                f"extension {extension.name!r} was not built: extensions are compiled before the evaluation,"
                " when the module is imported or ModelNew constructed, from sources that are the same each time"
            )
        if found["library"] is None:
            raise CompilationError(found["error"])
        return artifact / str(found["library"])

    intercept(find)


def _known(artifact: Path) -> dict[str, dict[str, Any]]:
    """What was built, by digest; nothing where there is no artifact."""
    try:
        with open_plain(artifact / MARK) as mark:
            return dict(json.loads(mark.read(_MARK_BYTES))["extensions"])
    except FileNotFoundError:
        return {}


def intercept(find: Callable[[Extension], Path]) -> None:
    """Replace load_inline, load and what lies below them: `find` says which library an extension is."""
    with suppress(ImportError):
        cpp_extension = import_module("torch.utils.cpp_extension")
        for name, read in (("load_inline", _read_inline), ("load", _read_files), ("_jit_compile", _read_files)):
            setattr(cpp_extension, name, _replacing(getattr(cpp_extension, name), read, find))


def _replacing(
    original: Callable[..., Any],
    read: Callable[[Mapping[str, Any]], Extension],
    find: Callable[[Extension], Path],
) -> Callable[..., Any]:
    signature = inspect.signature(original)

    @wraps(original)
    def load(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        extension = read(bound.arguments)
        return _loaded(extension, find(extension))

    return load


def _loaded(extension: Extension, library: Path) -> Any:
    if not extension.python_module:
        import_module("torch").ops.load_library(str(library))
        return str(library)
    spec = importlib.util.spec_from_file_location(extension.name, library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _read_inline(given: Mapping[str, Any]) -> Extension:
    """The extension that these arguments of load_inline describe, in the files that torch would write."""
    cpp, cuda = _texts(given["cpp_sources"]), _texts(given["cuda_sources"])
    _refuse_others(given)
    implicit = not given.get("no_implicit_headers", False)
    head = ["#include <torch/extension.h>"] if implicit else []
    wrapped = given.get("with_pytorch_error_handling", True)
    main = "\n".join([*head, *cpp, *_binding(given["functions"], wrapped=wrapped)])
    files = [File("main.cpp", main, compiled=True)]
    if cuda:
        included = ("torch/types.h", "cuda.h", "cuda_runtime.h") if implicit else ()
        text = "\n".join([*(f"#include <{header}>" for header in included), *cuda])
        files.append(File("cuda.cu", text, compiled=True))
    return _extension(given, files, _Folders())


def _texts(sources: Any) -> list[str]:
    return [sources] if isinstance(sources, str) else [str(each) for each in sources or ()]


def _binding(functions: Any, *, wrapped: bool) -> Iterator[str]:
    if functions is None:
        return
    if isinstance(functions, str):
        functions = [functions]
    if isinstance(functions, list):
        functions = {name: name for name in functions}
    if not isinstance(functions, dict):
        raise ValueError(f"Expected 'functions' to be a list or dict, but was {type(functions)}")  # noqa: TRY004 - as torch's
    yield "PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {"
    for name, doc in functions.items():
        function = f"torch::wrap_pybind_function({name})" if wrapped else name
        yield f'm.def("{name}", {function}, "{doc}");'
    yield "}"


def _read_files(given: Mapping[str, Any]) -> Extension:
    """The extension that these arguments of load describe: its files' texts, and the headers beside them."""
    _refuse_others(given)
    folders = _Folders()
    paths = [Path(given["sources"])] if isinstance(given["sources"], str) else list(map(Path, given["sources"]))
    files = [File(folders.place(path), path.read_text(errors="replace"), compiled=True) for path in paths]
    return _extension(given, files, folders)


def _refuse_others(given: Mapping[str, Any]) -> None:
    if given.get("is_standalone"):
        raise RuntimeError("standalone executables are not built here; use a Python module")
    if given.get("with_sycl") or given.get("sycl_sources"):
        raise RuntimeError("SYCL extensions are not built here; use C++ or CUDA")


def _extension(given: Mapping[str, Any], files: list[File], folders: _Folders) -> Extension:
    includes = tuple(folders.include(each) for each in given.get("extra_include_paths") or ())
    with_cuda = given["with_cuda"]
    if with_cuda is None:
        with_cuda = any(file.path.endswith((".cu", ".cuh")) for file in files)
    extension = Extension(
        str(given["name"]),
        (*files, *folders.headers()),
        cflags=_flags(given["extra_cflags"]),
        cuda_cflags=_flags(given["extra_cuda_cflags"]),
        ldflags=_flags(given["extra_ldflags"]),
        includes=includes,
        with_cuda=bool(with_cuda),
        python_module=bool(given["is_python_module"]),
    )
    too_much = excess(extension)
    if too_much:
        raise RuntimeError(too_much)
    return extension


def _flags(flags: Iterable[Any] | None) -> tuple[str, ...]:
    return tuple(str(flag).strip() for flag in flags or ())


class _Folders:
    """Numbers for the folders of a call's files, in order of appearance: their names may be random."""

    def __init__(self) -> None:
        self._numbers: dict[Path, str] = {}

    def place(self, path: Path) -> str:
        """Where a source is compiled."""
        return f"{self._number(path.absolute().parent)}/{path.name}"

    def include(self, folder: Any) -> str:
        """An include folder as the compiler is given it: the candidate's own by number, others as they are."""
        path = Path(folder).absolute()
        own = path.is_relative_to(Path.cwd()) and path.is_dir()
        return self._number(path) if own else os.path.normpath(path)

    def headers(self) -> Iterator[File]:
        """Every header in the folders, by its place."""
        found = 0
        for folder, number in self._numbers.items():
            for path in sorted(folder.rglob("*")):
                if path.suffix in _HEADERS and path.is_file() and found < _MOST_HEADERS:
                    found += 1
                    text = path.read_text(errors="replace")
                    yield File(f"{number}/{path.relative_to(folder)}", text, compiled=False)

    def _number(self, folder: Path) -> str:
        return self._numbers.setdefault(folder, str(len(self._numbers)))
