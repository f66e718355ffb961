import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from caesar.errors import UsageError
from caesar.problems.suites import SUITES, find, load_suite, missing_packages

SOURCE = "class Model: ...\ndef get_inputs(): ...\ndef get_init_inputs(): ...\n"


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def write(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(SOURCE)
    return folder


def load(name, folder, *, kernelbench=None):
    return load_suite(name, kernelbench=kernelbench, relative_to=folder)


def ids(suite):
    return [problem.id for problem in suite.problems]


def test_a_folder_is_a_suite_in_the_natural_order_of_its_ids(folder):
    write(folder / "mine", "10_B.py", "9_A.py", "softmax.py", "attention.py", "100_C.py")

    suite = load("./mine", folder)

    assert ["9", "10", "100", "attention", "softmax"] == ids(suite)
    assert {"./mine"} == {problem.suite for problem in suite.problems}


def test_only_visible_python_files_are_problems(folder):
    write(folder / "mine", "1_A.py", "__init__.py", ".2_B.py", "notes.md")

    assert ["1"] == ids(load("./mine", folder))


def test_a_file_is_a_suite_of_one(folder):
    write(folder, "1_A.py")

    assert ["1"] == ids(load("1_A.py", folder))


def test_an_absolute_path_needs_no_base(folder):
    write(folder / "mine", "1_A.py")

    assert ["1"] == ids(load(str(folder / "mine"), Path("/nowhere")))


def test_two_files_with_one_id_are_named(folder):
    write(folder / "mine", "1_A.py", "1_B.py", "2_C.py")

    with pytest.raises(UsageError, match=r"several problems with the id 1 \(A, B\)"):
        load("./mine", folder)


def test_a_file_in_a_folder_that_is_no_problem_is_named(folder):
    write(folder / "mine", "1_A.py")
    (folder / "mine" / "2_B.py").write_text("x = 1\n")

    with pytest.raises(UsageError, match=r"2_B\.py is not in KernelBench's format"):
        load("./mine", folder)


def test_a_folder_of_folders_says_which_of_them_hold_problems(folder):
    write(folder / "mine" / "easy", "1_A.py")

    with pytest.raises(UsageError, match=r"holds no problem files .*; the folders easy below it do"):
        load("./mine", folder)


def test_a_path_to_nothing_is_a_usage_error(folder):
    with pytest.raises(UsageError, match=r"there is no problem file and no folder of them at .*nowhere"):
        load("./nowhere", folder)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("startr", "starter"), ("Starter", "starter"), ("kernelbench/level5", "kernelbench/level4")],
)
def test_a_misspelt_suite_is_answered_with_near_names(folder, name, meant):
    with pytest.raises(UsageError, match=f"did you mean the suite .*{meant}"):
        load(name, folder)


def test_an_unknown_suite_is_answered_with_all_names(folder):
    with pytest.raises(UsageError, match=r"the suites are starter, kernelbench/level1, .*a folder's path"):
        load("livecodebench", folder)


@pytest.mark.parametrize("below", ["KernelBench/level2", "level2"])
def test_a_checkouts_root_and_its_kernelbench_folder_serve_alike(folder, below):
    write(folder / below, "2_B.py", "1_A.py")

    suite = load("kernelbench/level2", Path("/nowhere"), kernelbench=folder)

    assert ["1", "2"] == ids(suite)
    assert (2, "KernelBench/level2") == (suite.level, suite.dataset_name)
    assert {(2, "kernelbench/level2")} == {(problem.level, problem.suite) for problem in suite.problems}


def test_without_a_checkout_one_is_told_how_to_get_it(folder):
    with pytest.raises(UsageError, match=r"git clone .*KernelBench, then set KERNELBENCH_ROOT .*--kernelbench"):
        load("kernelbench/level1", folder)


def test_a_folder_that_is_no_checkout_is_a_usage_error(folder):
    with pytest.raises(UsageError, match="is no KernelBench checkout"):
        load("kernelbench/level1", folder, kernelbench=folder)


def test_a_checkouts_empty_level_is_a_usage_error(folder):
    write(folder / "level1")

    with pytest.raises(UsageError, match="kernelbench/level1 holds no problems"):
        load("kernelbench/level1", folder, kernelbench=folder)


def datasets_with(monkeypatch, load_dataset):
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))


def test_the_hub_is_read_by_level_where_datasets_is_installed(monkeypatch, folder):
    asked = []

    def load_dataset(name, *, split):
        asked.append((name, split))
        return [
            {"problem_id": 2, "name": "2_B", "code": SOURCE, "level": 3},
            {"problem_id": 1, "name": "1_A_", "code": SOURCE, "level": 3},
        ]

    datasets_with(monkeypatch, load_dataset)

    suite = load("hub/level3", folder)

    assert [("ScalingIntelligence/KernelBench", "level_3")] == asked
    assert [("1", "A_", 3), ("2", "B", 3)] == [(p.id, p.name, p.level) for p in suite.problems]


def test_without_datasets_the_hub_suite_says_what_to_install(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "datasets", None)

    with pytest.raises(UsageError, match=r"pip install 'caesar\[hub\]'.*kernelbench/level1"):
        load("hub/level1", folder)


def test_an_unreachable_hub_is_a_usage_error(monkeypatch, folder):
    def load_dataset(name, *, split):
        raise ConnectionError("no route")

    datasets_with(monkeypatch, load_dataset)

    with pytest.raises(UsageError, match=r"can't be fetched from the hub .ConnectionError: no route"):
        load("hub/level1", folder)


def test_a_hub_of_another_layout_is_a_usage_error(monkeypatch, folder):
    datasets_with(monkeypatch, lambda name, *, split: [{"problem_id": 1, "name": "1_A"}])

    with pytest.raises(UsageError, match="no column 'code'"):
        load("hub/level1", folder)


def test_a_problem_is_found_by_suite_and_id_or_name(folder):
    found = [find(f"starter/{end}", kernelbench=None, relative_to=folder).id for end in ("3", "causalsoftmax")]

    assert ["3", "3"] == found


def test_a_problem_is_found_by_its_file(folder):
    write(folder, "4_D.py")

    assert "4" == find("4_D.py", kernelbench=None, relative_to=folder).id


def test_a_problem_is_found_in_a_folder(folder):
    write(folder / "mine", "4_D.py", "5_E.py")

    assert "E" == find("./mine/5", kernelbench=None, relative_to=folder).name


@pytest.mark.parametrize("reference", ["starter", "starter/", "/1"])
def test_what_names_no_problem_is_answered_with_the_form(folder, reference):
    with pytest.raises(UsageError, match="write SUITE/ID"):
        find(reference, kernelbench=None, relative_to=folder)


def test_a_range_is_not_one_problem(folder):
    with pytest.raises(UsageError, match=r"names 3 problems \(1, 2, 3\)"):
        find("starter/1-3", kernelbench=None, relative_to=folder)


@pytest.fixture(scope="session")
def checkout():
    root = os.environ.get("KERNELBENCH_ROOT")
    if not root:
        pytest.skip("KERNELBENCH_ROOT is not set: the 270 problems of a checkout stay untried")
    return Path(root)


@pytest.mark.requires_kernelbench
@pytest.mark.parametrize(("level", "count"), [(1, 100), (2, 100), (3, 50), (4, 20)])
def test_every_problem_of_a_checkout_loads(checkout, level, count):
    name = f"kernelbench/level{level}"

    suite = load(name, Path("/nowhere"), kernelbench=checkout)

    assert name in SUITES
    assert [str(number) for number in range(1, count + 1)] == ids(suite)


@pytest.mark.requires_kernelbench
def test_a_level_four_problem_is_read_as_text_and_says_which_package_it_needs(checkout, monkeypatch):
    monkeypatch.setattr(
        "caesar.problems.references.find_spec", lambda package: None if package == "transformers" else 1
    )

    problem = find("kernelbench/level4/1", kernelbench=checkout, relative_to=Path())

    assert ("transformers",) == missing_packages(problem)


def test_the_home_of_nobody_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="~nobody-here/problems: there is no such home folder"):
        load_suite("~nobody-here/problems", kernelbench=None, relative_to=tmp_path)
