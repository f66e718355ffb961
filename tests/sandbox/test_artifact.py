import json
import os
from pathlib import Path

import pytest

from caesar.sandbox.artifact import MARK, artifact_environment, open_plain


def test_an_artifacts_environment_is_its_folder_and_what_it_was_built_with(tmp_path):
    (tmp_path / MARK).write_text(json.dumps({"env": {"TORCH_CUDA_ARCH_LIST": "9.0"}, "log": ""}))

    environment = artifact_environment(str(tmp_path))

    assert {"TORCH_EXTENSIONS_DIR": str(tmp_path), "TORCH_CUDA_ARCH_LIST": "9.0"} == environment


def test_a_folder_without_a_mark_is_just_a_folder(tmp_path):
    assert {"TORCH_EXTENSIONS_DIR": str(tmp_path)} == artifact_environment(str(tmp_path))


@pytest.mark.parametrize("mark", [b"", b"{", b"{}", b"[]", b"\xff", b'{"env": 5}', b'{"env": "words"}'])
def test_a_damaged_mark_says_nothing(tmp_path, mark):
    (tmp_path / MARK).write_bytes(mark)

    assert {"TORCH_EXTENSIONS_DIR": str(tmp_path)} == artifact_environment(str(tmp_path))


def test_a_plain_file_is_opened(tmp_path):
    (tmp_path / "file").write_bytes(b"content")

    with open_plain(tmp_path / "file") as file:
        assert b"content" == file.read()


@pytest.mark.parametrize(
    "make",
    [
        os.mkfifo,
        Path.mkdir,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to("/nowhere"),
    ],
)
def test_a_pipe_a_folder_or_a_link_is_refused_at_once(tmp_path, make):
    make(tmp_path / "odd")

    with pytest.raises(OSError, match="odd"):
        open_plain(tmp_path / "odd")
