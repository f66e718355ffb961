import json

from caesar.sandbox.artifact import MARK, artifact_environment


def test_an_artifacts_environment_is_its_folder_and_what_it_was_built_with(tmp_path):
    (tmp_path / MARK).write_text(json.dumps({"env": {"TORCH_CUDA_ARCH_LIST": "9.0"}, "log": ""}))

    environment = artifact_environment(str(tmp_path))

    assert {"TORCH_EXTENSIONS_DIR": str(tmp_path), "TORCH_CUDA_ARCH_LIST": "9.0"} == environment


def test_a_folder_without_a_mark_is_just_a_folder(tmp_path):
    assert {"TORCH_EXTENSIONS_DIR": str(tmp_path)} == artifact_environment(str(tmp_path))
