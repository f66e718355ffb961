import linecache
import sys
import traceback

import pytest

from caesar.sandbox.candidate import FILENAME, compile_candidate, load_candidate


@pytest.fixture
def name(request):
    yield f"candidate_of_{request.node.name}"
    sys.modules.pop(f"candidate_of_{request.node.name}", None)
    linecache.cache.pop(FILENAME, None)


def test_a_candidate_is_a_module_of_its_name_with_its_file_in_the_folder(tmp_path, name):
    source = "import sys\r\nX = __name__, sys.modules[__name__].__file__\r\n"

    module = load_candidate(source, folder=tmp_path, name=name)

    assert (name, str(tmp_path / FILENAME)) == module.X
    assert source.encode() == (tmp_path / FILENAME).read_bytes()


def test_the_main_block_of_a_candidate_does_not_run(tmp_path, name):
    module = load_candidate("A = 1\nif __name__ == '__main__':\n    A = 2\n", folder=tmp_path, name=name)

    assert 1 == module.A


def test_tracebacks_show_the_candidates_lines_under_one_name(tmp_path, name):
    with pytest.raises(ZeroDivisionError) as error:
        load_candidate("x = 1\ny = x / 0  # here\n", folder=tmp_path, name=name)

    told = "".join(traceback.format_exception(error.value))
    assert 'File "candidate.py", line 2' in told
    assert "y = x / 0  # here" in told
    assert str(tmp_path) not in told


@pytest.mark.parametrize(
    "source",
    ["def", "x = 1\n  y = 2", "a\0b", "(" * 10_000, "x = " + "-" * 200_000 + "1", "\ud800"],
    ids=["unfinished", "indent", "nul", "parentheses", "depth", "surrogate"],
)
def test_whatever_python_refuses_is_a_syntax_error(source):
    with pytest.raises(SyntaxError):
        compile_candidate(source)


def test_nothing_of_a_source_with_a_syntax_error_runs(tmp_path, name):
    marker = tmp_path / "ran"

    with pytest.raises(SyntaxError):
        load_candidate(f"open({str(marker)!r}, 'w')\ndef", folder=tmp_path, name=name)

    assert not marker.exists()


def test_a_candidate_does_not_inherit_annotations_from_future(tmp_path, name):
    module = load_candidate("def f(x: int): ...\n", folder=tmp_path, name=name)

    assert {"x": int} == module.f.__annotations__
