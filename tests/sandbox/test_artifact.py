import os
from pathlib import Path

import pytest

from caesar.sandbox.artifact import MARK, artifact_environment, open_plain


def test_nothing_that_lies_in_an_artifact_reaches_its_environment(tmp_path):
    (tmp_path / MARK).write_text('{"env": {"LD_PRELOAD": "/tmp/theirs.so"}}')

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
