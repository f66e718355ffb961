import pytest

from caesar.builders.prelude import may_suffice, prelude, uses_torch
from caesar.builders.workshop import SLIM

STANDINS = SLIM / "standins"


def test_the_prelude_has_the_standard_headers_that_are_named():
    text = prelude(["std::sort(a, b); std::unordered_map<int, int> m; float x = FLT_MAX;"])

    assert {"#include <algorithm>", "#include <unordered_map>", "#include <cfloat>"} < set(text.splitlines())
    assert "#include <iostream>" not in text


def test_names_without_their_namespace_count_where_it_is_used():
    assert "#include <mutex>" not in prelude(["mutex m;"])
    assert "#include <mutex>" in prelude(["using namespace std;\nmutex m;"])


def test_reduced_precision_is_offered_where_it_is_named():
    assert "#define CSL_WANTS_HALF 1" in prelude(["AT_DISPATCH_FLOATING_TYPES_AND_HALF(t, n, f)"])
    assert "CSL_WANTS_HALF" not in prelude(["AT_DISPATCH_FLOATING_TYPES(t, n, f)"])


def test_slim_headers_are_tried_where_each_included_one_has_a_stand_in():
    assert may_suffice(
        ["#include <torch/extension.h>\n#include <c10/util/Half.h>\n#include <vector>"], STANDINS
    )
    assert not may_suffice(["#include <torch/library.h>"], STANDINS)
    assert not may_suffice(['#include "ATen/native/cuda/Loops.cuh"'], STANDINS)
    assert not may_suffice(["#include <torch/extension.h>\ntorch::nn::Linear layer(1, 2);"], STANDINS)


def test_a_source_without_torchs_headers_needs_nothing_of_them():
    assert not uses_torch(["#include <Python.h>\nint x;"])
    assert uses_torch(["#include <vector>", "int x;\n  #include <ATen/ATen.h>"])


LONG = 1 << 20


@pytest.mark.parametrize(
    "text",
    [
        "\n" * LONG,
        "#" + " " * LONG,
        "#include <torch/\n" * (LONG // 17),
        "using" + "\n" * LONG,
        "using namespace std; " + "a b " * (LONG // 4),
        "std::" + "a_distributio" * (LONG // 13),
        "assert" + " " * LONG,
    ],
    ids=["blank lines", "blanks", "open names", "using", "words", "one word", "assert"],
)
def test_a_long_text_is_read_in_linear_time(text):
    """One that grows with the square of the length would not end within hours."""
    assert prelude([text]).startswith("#pragma once\n")
    assert not uses_torch([text])
    assert may_suffice([text], STANDINS)


@pytest.mark.parametrize(
    "name", ["torch/" + "x" * 300, "torch/a\0b", "torch/../../../etc/passwd", "torch/csrc"]
)
def test_a_header_of_any_name_is_looked_for_among_the_stand_ins_only(name):
    assert not may_suffice([f"#include <{name}>"], STANDINS)
