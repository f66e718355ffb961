import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from caesar.sandbox import extensions
from caesar.sandbox.artifact import MARK
from caesar.sandbox.extensions import CompilationError, Extension, File, intercept, serve


def torchs_load_inline(  # noqa: PLR0917 - as torch's
    name, cpp_sources, cuda_sources=None, functions=None, extra_cflags=None, extra_cuda_cflags=None,
    extra_ldflags=None, extra_include_paths=None, build_directory=None,
    verbose=False, with_cuda=None, is_python_module=True,  # noqa: FBT002 - as torch's
    with_pytorch_error_handling=True, keep_intermediates=True, no_implicit_headers=False,  # noqa: FBT002
):  # fmt: skip
    raise AssertionError("torch's own is never called")


def torchs_load(  # noqa: PLR0917 - as torch's
    name, sources, extra_cflags=None, extra_cuda_cflags=None, extra_ldflags=None, extra_include_paths=None,
    build_directory=None, verbose=False, with_cuda=None, is_python_module=True, is_standalone=False,  # noqa: FBT002
):  # fmt: skip
    raise AssertionError("torch's own is never called")


@pytest.fixture
def cpp_extension(monkeypatch) -> ModuleType:
    """A stand-in for torch.utils.cpp_extension, whose functions would fail."""
    module = ModuleType("torch.utils.cpp_extension")
    module.load_inline, module.load, module._jit_compile = torchs_load_inline, torchs_load, torchs_load
    monkeypatch.setitem(sys.modules, "torch.utils.cpp_extension", module)
    return module


@pytest.fixture
def asked(cpp_extension, monkeypatch) -> list[Extension]:
    """The extensions that are asked for; each is the number of those before it."""
    seen: list[Extension] = []

    def find(extension: Extension) -> Path:
        seen.append(extension)
        return Path(str(len(seen)))

    intercept(find)
    monkeypatch.setattr(extensions, "_loaded", lambda extension, library: SimpleNamespace(library=library))
    return seen


def test_the_sources_are_put_together_as_torch_does(cpp_extension, asked):
    cpp_extension.load_inline(
        "ops",
        ["int f();", "int g();"],
        cuda_sources="__global__ void k();",
        functions={"f": "does f", "g": "does g"},
    )

    main, cuda = asked[0].files
    assert ("main.cpp", "cuda.cu", True) == (main.path, cuda.path, asked[0].with_cuda)
    assert [
        "#include <torch/extension.h>",
        "int f();",
        "int g();",
        "PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {",
        'm.def("f", torch::wrap_pybind_function(f), "does f");',
        'm.def("g", torch::wrap_pybind_function(g), "does g");',
        "}",
    ] == main.text.splitlines()
    assert [
        "#include <torch/types.h>",
        "#include <cuda.h>",
        "#include <cuda_runtime.h>",
        "__global__ void k();",
    ] == (cuda.text.splitlines())


@pytest.mark.parametrize("functions", ["f", ["f"], {"f": "f"}])
def test_functions_are_given_as_text_list_or_dict(cpp_extension, asked, functions):
    cpp_extension.load_inline("ops", "int f();", functions=functions, with_pytorch_error_handling=False)

    assert 'm.def("f", f, "f");' in asked[0].files[0].text


def test_functions_of_another_kind_are_refused_as_by_torch(cpp_extension, asked):
    with pytest.raises(ValueError, match="Expected 'functions' to be a list or dict, but was <class 'tuple'>"):
        cpp_extension.load_inline("ops", "int f();", functions=("f",))


def test_headers_are_left_out_where_that_is_asked_for(cpp_extension, asked):
    cpp_extension.load_inline("ops", "int f();", no_implicit_headers=True, is_python_module=False)

    assert "int f();" == asked[0].files[0].text
    assert not asked[0].python_module


def test_arguments_that_torch_does_not_know_are_type_errors(cpp_extension, asked):
    with pytest.raises(TypeError, match="unexpected keyword argument 'flags'"):
        cpp_extension.load_inline("ops", "int f();", flags=["-O3"])


def test_the_list_that_is_passed_is_left_as_it_was(cpp_extension, asked):
    sources = ["int f();"]

    cpp_extension.load_inline("ops", sources)

    assert ["int f();"] == sources


def test_files_are_told_apart_by_folders_without_names(cpp_extension, asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = []
    for random in ("tmp1", "tmp2"):
        folder = tmp_path / random
        (folder / "inner").mkdir(parents=True)
        (folder / "op.cpp").write_text("int f();")
        (folder / "inner" / "op.h").write_text("int g();")
        cpp_extension.load("op", [str(folder / "op.cpp")], extra_include_paths=[str(folder), "/usr/include"])
        told.append(asked[-1])

    assert told[0] == told[1]
    assert ("0/op.cpp", "0/inner/op.h") == tuple(file.path for file in told[0].files)
    assert ("0", "/usr/include") == told[0].includes


@pytest.mark.parametrize(
    ("given", "words"), [({"is_standalone": True}, "standalone executables are not built here")]
)
def test_what_is_not_built_is_said(cpp_extension, asked, tmp_path, given, words):
    source = tmp_path / "op.cpp"
    source.touch()

    with pytest.raises(RuntimeError, match=words):
        cpp_extension.load("op", str(source), **given)


EXTENSION = Extension("ops", (File("main.cpp", "int f();", compiled=True),))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"files": (File("main.cpp", "int g();", compiled=True),)},
        {"files": (File("main.cu", "int f();", compiled=True),)},
        {"files": (File("main.cpp", "int f();", compiled=False),)},
        {"cflags": ("-O3",)},
        {"cuda_cflags": ("-O3",)},
        {"ldflags": ("-lm",)},
        {"includes": ("0",)},
        {"with_cuda": True},
        {"python_module": False},
    ],
)
def test_whatever_the_library_depends_on_changes_the_digest(change):
    assert EXTENSION.digest == replace(EXTENSION).digest
    assert EXTENSION.digest != replace(EXTENSION, **change).digest


def artifact(folder: Path, **known: dict) -> Path:
    (folder / MARK).write_text(json.dumps({"extensions": known}))
    return folder


def test_an_extension_that_was_not_built_is_said(cpp_extension, tmp_path):
    serve(artifact(tmp_path))

    with pytest.raises(
        RuntimeError, match="extension 'ops' was not built: extensions are compiled before the evaluation"
    ):
        cpp_extension.load_inline("ops", "int f();")


def test_an_extension_that_failed_fails_with_the_same_words(cpp_extension, tmp_path, asked):
    cpp_extension.load_inline("ops", "int f();")
    serve(artifact(tmp_path, **{asked[0].digest: {"library": None, "error": "main.cpp:1: error"}}))

    with pytest.raises(CompilationError, match=r"main\.cpp:1: error"):
        cpp_extension.load_inline("ops", "int f();")


def test_an_extension_that_was_built_is_loaded_from_the_artifact(cpp_extension, tmp_path, asked):
    cpp_extension.load_inline("ops", "int f();")
    serve(artifact(tmp_path, **{asked[0].digest: {"library": "ops.so", "error": None}}))

    assert tmp_path / "ops.so" == cpp_extension.load_inline("ops", "int f();").library


def test_where_there_is_no_torch_nothing_happens(monkeypatch, tmp_path):
    def missing(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(extensions, "import_module", missing)

    serve(artifact(tmp_path))
