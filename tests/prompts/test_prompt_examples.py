"""The shipped examples do what prompts say they do: they build and compute their reference."""

import ast
import os
import subprocess
import sys

import pytest

from caesar.prompts.extract import candidate_in
from caesar.prompts.texts import shipped

COMPARE = """
import sys, torch
reference, candidate, device = sys.argv[1:]
scopes = {}
for path in (reference, candidate):
    scopes[path] = {"__name__": "module"}
    exec(compile(open(path).read(), path, "exec"), scopes[path])
init = scopes[reference]["get_init_inputs"]()
model = scopes[reference]["Model"](*init).to(device)
new = scopes[candidate]["ModelNew"](*init).to(device)
new.load_state_dict(model.state_dict())
inputs = [value.to(device) for value in scopes[reference]["get_inputs"]()]
with torch.no_grad():
    torch.testing.assert_close(new(*inputs), model(*inputs), atol=1e-4, rtol=1e-4)
"""


@pytest.mark.parametrize("name", ["example_cpu.py", "example_cuda.py"])
def test_an_example_is_a_candidate_of_the_form_it_teaches(name):
    source = shipped()[name]

    assert ast.parse(source)
    assert source == candidate_in(f"```python\n{source}\n```")


def compare(tmp_path, *, candidate, device):
    for name in ("example_reference.py", candidate):
        (tmp_path / name).write_text(shipped()[name])
    (tmp_path / "compare.py").write_text(COMPARE)
    command = [sys.executable, "compare.py", "example_reference.py", candidate, device]
    environment = {**os.environ, "TORCH_EXTENSIONS_DIR": str(tmp_path / "extensions")}
    return subprocess.run(command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)


@pytest.mark.slow
def test_the_cpu_example_builds_and_equals_its_reference(tmp_path):
    done = compare(tmp_path, candidate="example_cpu.py", device="cpu")

    assert 0 == done.returncode, done.stderr


@pytest.mark.slow
@pytest.mark.requires_cuda
def test_the_cuda_example_builds_and_equals_its_reference(tmp_path):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")

    done = compare(tmp_path, candidate="example_cuda.py", device="cuda")

    assert 0 == done.returncode, done.stderr
