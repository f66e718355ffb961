import pytest

from caesar.builders.child import loads_late


@pytest.mark.parametrize(
    ("source", "late"),
    [
        ("m = load_inline('a')", False),
        ("def f():\n    m = load_inline('a')", True),
        ("class C:\n    def __init__(self):\n        self.m = cpp_extension.load(name='a')", True),
        ("f = lambda: load_inline('a')", True),
        ("async def f():\n    def g():\n        _jit_compile()", True),
        ("def f(): pass\nload_inline('a')", False),
        ("def f():\n    load", False),
        ("def f(:\n    load()", False),
        ("\0 load()", False),
    ],
)
def test_a_call_inside_a_function_is_late(source, late):
    assert late is loads_late(source)


@pytest.mark.parametrize(
    "source",
    [
        "load = " + "(lambda: " * 60 + "[" + "1," * 100_000 + "]" + ")" * 60,
        "load = " + "x." * 100_000,
        "# load\n" + "(" * 200_000,
    ],
    ids=["nested", "deep", "open"],
)
def test_a_long_source_is_looked_through_in_linear_time(source):
    assert not loads_late(source)


def test_a_source_longer_than_anybody_writes_is_not_looked_at():
    assert not loads_late("def f():\n    load()\n" + "\n" * 300_000)
