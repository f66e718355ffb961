import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import caesar
from caesar.sandbox import runtime
from caesar.sandbox.identity import may_all_use
from caesar.sandbox.runtime import environment_paths, outermost, runtime_paths


def covers(paths, path: Path) -> bool:
    return any(place == path or place in path.parents for place in paths)


def test_python_and_what_is_imported_are_shown():
    paths = runtime_paths()

    for file in (os.__file__, sys.executable, caesar.__file__):
        assert covers(paths, Path(file).resolve())


def test_a_folder_on_the_path_is_not_shown_for_that(tmp_path, monkeypatch):
    (tmp_path / "keys.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))

    assert not covers(runtime_paths(), tmp_path)
    assert not covers(runtime_paths(), Path(__file__).parent / "golden")


def test_libraries_that_the_environment_names_are_shown_and_nonsense_is_not(tmp_path):
    environment = {"LD_LIBRARY_PATH": f"{tmp_path}::relative:/:/nowhere", "PATH": "/nowhere"}

    assert (tmp_path,) == environment_paths(environment)


@pytest.mark.parametrize("folder", [".", ".local"])
def test_compilers_in_a_home_do_not_show_the_home(tmp_path, monkeypatch, folder):
    own = tmp_path / folder
    for place in (own / "bin", own / "lib", own / ".ssh"):
        place.mkdir(parents=True, exist_ok=True)
    (own / "bin" / "nvcc").touch(0o755)
    monkeypatch.setattr(runtime.pwd, "getpwuid", lambda _: SimpleNamespace(pw_dir=str(tmp_path)))

    paths = environment_paths({"PATH": str(own / "bin")})

    assert covers(paths, own / "bin" / "nvcc")
    assert covers(paths, own / "lib")
    assert not covers(paths, own / ".ssh")


def test_a_python_in_a_home_does_not_show_the_home(tmp_path, monkeypatch):
    for place in ("bin", "lib", ".ssh"):
        (tmp_path / place).mkdir()
    monkeypatch.setattr(runtime.pwd, "getpwuid", lambda _: SimpleNamespace(pw_dir=str(tmp_path)))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))

    assert covers(runtime_paths(), tmp_path / "lib")
    assert not covers(runtime_paths(), tmp_path / ".ssh")


def test_a_toolkit_below_a_home_is_shown_whole(tmp_path, monkeypatch):
    (tmp_path / "cuda" / "bin").mkdir(parents=True)
    (tmp_path / "cuda" / "nvvm").mkdir()
    (tmp_path / "cuda" / "bin" / "nvcc").touch(0o755)
    monkeypatch.setattr(runtime.pwd, "getpwuid", lambda _: SimpleNamespace(pw_dir=str(tmp_path)))

    assert covers(environment_paths({"PATH": str(tmp_path / "cuda" / "bin")}), tmp_path / "cuda" / "nvvm")


def test_a_user_without_a_home_is_no_obstacle(monkeypatch):
    monkeypatch.setattr(runtime.pwd, "getpwuid", lambda _: {}["no such user"])

    assert covers(runtime_paths(), Path(os.__file__).resolve())


def test_nested_paths_are_shown_once_and_links_with_where_they_lead(tmp_path):
    (tmp_path / "real" / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")

    found = outermost((tmp_path / "link", tmp_path / "real" / "below"))

    assert (tmp_path / "link", tmp_path / "real") == found


def test_a_private_file_or_way_is_not_everyones(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "file").touch(0o600)

    assert not may_all_use((tmp_path,), ())
    (tmp_path / "file").chmod(0o644)
    assert may_all_use((tmp_path,), (Path("/dev/null"),))
    tmp_path.chmod(0o700)
    assert not may_all_use((), (), ways=(tmp_path / "file",))
