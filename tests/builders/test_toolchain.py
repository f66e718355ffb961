from pathlib import Path
from types import SimpleNamespace

import pytest

from caesar.builders import toolchain
from caesar.builders.toolchain import Places, Toolchain
from caesar.effects import Backend
from caesar.errors import UsageError
from caesar.sandbox import runtime


@pytest.fixture
def tools(tmp_path):
    """A folder of programs that say their own name, and the environment in which only they are found."""
    for name in ("c++", "g++-99", "nvcc"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {name} 1.0\n")
        program.chmod(0o755)
    return tmp_path, {"PATH": str(tmp_path), "CUDA_HOME": ""}


def test_a_toolchain_names_its_compiler_and_versions(tools):
    folder, environ = tools

    found = Toolchain.find(Backend.CPU, environ)

    assert (f"{folder}/c++: c++ 1.0",) == found.compilers
    assert found.torch.startswith("2.")


@pytest.mark.parametrize(
    ("said", "gcc"),
    [
        ("c++ (Debian) 12.2 Copyright (C) 2022 Free Software Foundation, Inc.", True),
        ("clang version 17", False),
    ],
)
def test_a_toolchain_knows_whether_its_compiler_is_gcc(tools, said, gcc):
    folder, environ = tools
    (folder / "c++").write_text(f"#!/bin/sh\necho '{said}'\n")

    assert gcc is Toolchain.find(Backend.CPU, environ).places.gcc


def test_cxx_chooses_the_compiler(tools):
    folder, environ = tools

    found = Toolchain.find(Backend.CPU, {**environ, "CXX": "g++-99"})

    assert (f"{folder}/g++-99: g++-99 1.0",) == found.compilers


def test_cuda_adds_nvcc(tools, monkeypatch):
    folder, environ = tools
    monkeypatch.setattr(toolchain, "version", lambda _name: "2.13.0")

    found = Toolchain.find(Backend.CUDA, environ)

    assert f"{folder}/nvcc: nvcc 1.0" == found.compilers[1]


def test_a_missing_compiler_is_named_with_what_to_do(tools):
    _folder, environ = tools

    with pytest.raises(UsageError, match=r"builds need clang\+\+-0, which is not on the PATH; .* set CXX"):
        Toolchain.find(Backend.CPU, {**environ, "CXX": "clang++-0"})


def test_a_torch_without_cuda_is_refused_for_cuda(tools, monkeypatch):
    _folder, environ = tools
    monkeypatch.setattr(toolchain, "version", lambda _name: "2.13.0+cpu")

    with pytest.raises(UsageError, match=r"torch 2.13.0\+cpu is not"):
        Toolchain.find(Backend.CUDA, environ)


def test_a_cuda_home_without_nvcc_is_named(tools, monkeypatch):
    _folder, environ = tools
    monkeypatch.setattr(toolchain, "version", lambda _name: "2.13.0")

    with pytest.raises(UsageError, match=r"/no/cuda/bin/nvcc.* CUDA_HOME"):
        Toolchain.find(Backend.CUDA, {**environ, "CUDA_HOME": "/no/cuda"})


def test_a_compiler_that_is_no_program_is_named(tools):
    folder, environ = tools
    (folder / "c++").write_text("not a program")

    with pytest.raises(UsageError, match=r"c\+\+, which can't be run \(Exec format error\)"):
        Toolchain.find(Backend.CPU, environ)


def test_a_compiler_may_print_what_is_not_text(tools):
    folder, environ = tools
    (folder / "c++").write_text("#!/bin/sh\nprintf '\\377 1.0'\n")

    assert (f"{folder}/c++: \ufffd 1.0",) == Toolchain.find(Backend.CPU, environ).compilers


def test_a_compiler_in_a_home_does_not_let_compilers_read_the_home(tmp_path, monkeypatch):
    for place in ("bin", "lib", ".ssh"):
        (tmp_path / place).mkdir()
    monkeypatch.setattr(runtime.pwd, "getpwuid", lambda _: SimpleNamespace(pw_dir=str(tmp_path)))
    here = Path(__file__).parent

    places = Places(str(tmp_path / "bin" / "g++"), "/usr/bin/ar", None, True, True, here, here, None)

    assert {tmp_path / "bin", tmp_path / "lib"} <= set(places.reads)
    assert {tmp_path, tmp_path / ".ssh"}.isdisjoint(places.reads)
