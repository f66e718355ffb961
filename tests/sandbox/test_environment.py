import os
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from caesar.sandbox.environment import ALLOWED, clean_environment, zygote_environment


def test_only_allowed_variables_pass():
    environ = {"OPENAI_API_KEY": "canary", "HF_TOKEN": "canary", "PYTHONPATH": "/x", "CUDA_HOME": "/cuda"}

    clean = clean_environment({**environ, "PATH": "/bin", "LANG": "de_DE.UTF-8"})

    assert {"PATH", "LANG", "CUDA_HOME"} == clean.keys()
    assert ("/cuda", "de_DE.UTF-8") == (clean["CUDA_HOME"], clean["LANG"])


@given(st.dictionaries(st.text(), st.text()))
def test_no_name_outside_the_list_ever_passes(environ):
    assert clean_environment(environ).keys() <= {*ALLOWED}


def test_an_empty_environment_still_finds_programs():
    path = clean_environment({})["PATH"].split(os.pathsep)

    assert "/usr/bin" in path


def test_the_interpreters_own_programs_are_found_first():
    path = clean_environment({"PATH": "/somewhere"})["PATH"]

    assert f"{Path(sys.executable).parent}{os.pathsep}/somewhere" == path


def test_a_zygote_sees_no_device_and_starts_no_threads():
    clean = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "0,1", "OMP_NUM_THREADS": "16", "HOME": "/root"}

    environment = zygote_environment(clean, home="/scratch")

    assert ("", "1") == (environment["CUDA_VISIBLE_DEVICES"], environment["OMP_NUM_THREADS"])
    assert ("/scratch", "/scratch") == (environment["HOME"], environment["TMPDIR"])
