"""What slim headers have to offer one extension: the standard headers and the types that its text names.

PyTorch's own headers drag all of these in, and candidates rely on it; parsing only what is named is
most of what makes slim builds fast. Time is linear in the texts' length, whatever they hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["may_suffice", "prelude", "uses_torch"]

_NAMED = {
    "algorithm": (
        r"std::(sort|stable_sort|partial_sort|nth_element|transform|for_each|find|find_if|"
        r"count|count_if|copy|copy_n|fill|fill_n|generate|reverse|rotate|shuffle|unique|"
        r"lower_bound|upper_bound|max_element|min_element|minmax|minmax_element|all_of|any_of|"
        r"none_of|equal|remove_if|partition|merge|iter_swap|clamp|push_heap|pop_heap|make_heap|"
        r"sort_heap|is_sorted|binary_search|set_\w+|min|max)\b"
    ),
    "numeric": (
        r"std::(accumulate|iota|inner_product|partial_sum|reduce|gcd|lcm|exclusive_scan|"
        r"inclusive_scan)\b"
    ),
    "iostream": r"std::(cout|cerr|clog|endl|cin|flush)\b",
    "sstream": r"std::(o|i)?stringstream\b",
    "iomanip": r"std::(setw|setprecision|fixed|setfill|hex)\b",
    "memory": (
        r"std::(unique_ptr|shared_ptr|make_unique|make_shared|weak_ptr|aligned_alloc|"
        r"assume_aligned|addressof|align)\b"
    ),
    "functional": r"std::(function|bind|hash|plus|minus|multiplies|less|greater|ref|cref|invoke)\b",
    "unordered_map": r"std::unordered_(multi)?map\b",
    "unordered_set": r"std::unordered_(multi)?set\b",
    "map": r"std::(multi)?map\b",
    "set": r"std::(multi)?set\b",
    "deque": r"std::(deque|queue|stack|priority_queue)\b",
    "queue": r"std::(queue|priority_queue)\b",
    "stack": r"std::stack\b",
    "list": r"std::list\b",
    "mutex": r"std::(mutex|lock_guard|unique_lock|scoped_lock|once_flag|call_once|recursive_mutex)\b",
    "shared_mutex": r"std::(shared_mutex|shared_lock)\b",
    "thread": r"std::(thread|this_thread|jthread)\b",
    "atomic": r"std::(atomic\w*|memory_order\w*)\b",
    "future": r"std::(future|promise|async|packaged_task)\b",
    "condition_variable": r"std::condition_variable\b",
    "chrono": r"std::chrono\b",
    "random": r"std::(mt19937\w*|random_device|\w+_distribution|default_random_engine)\b",
    "stdexcept": (
        r"std::(runtime_error|logic_error|invalid_argument|out_of_range|domain_error|"
        r"length_error|overflow_error)\b"
    ),
    "exception": r"std::(exception\w*|terminate|current_exception|rethrow_exception)\b",
    "complex": r"std::complex\b",
    "bitset": r"std::bitset\b",
    "iterator": (
        r"std::(back_inserter|inserter|distance|advance|next|prev|begin|end|iterator_traits|"
        r"make_move_iterator)\b"
    ),
    "string_view": r"std::string_view\b",
    "variant": r"std::(variant|visit|get_if|holds_alternative|monostate)\b",
    "any": r"std::any\b",
    "bit": r"std::(bit_cast|popcount|countl_zero|countr_zero|has_single_bit|bit_ceil|bit_width)\b",
    "numbers": r"std::numbers\b",
    "span": r"std::span\b",
    "utility": r"std::(exchange|index_sequence\w*)\b",
}
"""The standard headers by names of their namespace."""
_USED = {
    "typeinfo": r"\btypeid\b",
    "climits": r"\b(INT|LONG|LLONG|UINT|CHAR|SHRT)_(MAX|MIN)\b",
    "cfloat": r"\b(FLT|DBL)_(MAX|MIN|EPSILON|DIG)\b",
    "cassert": r"\bassert\s*+\(",
    "cctype": r"\b(isdigit|isalpha|tolower|toupper|isspace)\s*+\(",
}
"""The others, by how they are used."""
_BY_NAME = {header: re.compile(pattern) for header, pattern in _NAMED.items()}
_BY_USE = {header: re.compile(pattern) for header, pattern in _USED.items()}
_QUALIFIED = re.compile(r"std::\w++")
_WORD = re.compile(r"(?<![\w:])\w++")
_UNQUALIFIED = re.compile(r"using\s+namespace\s+std\b")
_HALF = re.compile(r"Half|BFloat16|_HALF|_AND2|REDUCED_FLOATING|at::opmath")
_CUBLAS = re.compile(r"[cC]ublas|CUDABlas")

_INCLUDE = re.compile(
    r"^[^\S\n]*+#[^\S\n]*+include[^\S\n]*+[<\"]((?:torch|ATen|c10|caffe2|pybind11)/[^>\"\n]++)[>\"]",
    re.MULTILINE,
)
_SMALL = frozenset({"c10/util/Half.h", "c10/util/BFloat16.h", "c10/macros/Macros.h", "c10/macros/Export.h"})
"""PyTorch's own headers that go with the slim ones."""
_BEYOND = re.compile(
    r"torch::(nn|autograd|jit|optim|serialize|data|library)\b|TORCH_LIBRARY|at::native|at::vec|TensorIterator"
    r"|py::(class_|object|dict|list|tuple|array|buffer|function|enum_|init|handle|str|int_|float_|args|kwargs|gil_scoped)"
)


def uses_torch(texts: Iterable[str]) -> bool:
    """Whether any of PyTorch's headers is included, so that what is behind the slim ones is needed."""
    return any(_INCLUDE.search(text) for text in texts)


def may_suffice(texts: Iterable[str], standins: Path) -> bool:
    """Whether slim headers are worth trying: a guess that costs nothing, and decides nothing but the order."""
    text = "\n".join(texts)
    included = set(_INCLUDE.findall(text)) - _SMALL
    there = {path.relative_to(standins).as_posix() for path in standins.rglob("*") if path.is_file()}
    return included <= there and not _BEYOND.search(text)


def prelude(texts: Iterable[str]) -> str:
    """The header to include before anything else, for sources with these texts."""
    text = "\n".join(texts)
    names = "\n".join(_names(text))
    macros = [
        name
        for name, pattern in (("CSL_WANTS_HALF", _HALF), ("CSL_WANTS_CUBLAS", _CUBLAS))
        if pattern.search(text)
    ]
    lines = [f"#define {name} 1" for name in macros]
    lines += [f"#include <{header}>" for header, pattern in _BY_NAME.items() if pattern.search(names)]
    lines += [f"#include <{header}>" for header, pattern in _BY_USE.items() if pattern.search(text)]
    return "\n".join(["#pragma once", *lines, ""])


def _names(text: str) -> set[str]:
    """What is named of the standard's namespace, each once; any word may be where that is used as a whole."""
    names = set(_QUALIFIED.findall(text))
    if _UNQUALIFIED.search(text):
        names |= {f"std::{word}" for word in _WORD.findall(text)}
    return names
