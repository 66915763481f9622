"""Device code made smaller."""

from __future__ import annotations

import pytest

from lamplighter.gateway.devicebuild.shrink import shrink

LEAF = """
try:
    from micropython import const
except ImportError:
    def const(value):
        return value
try:
    from time import ticks
except ImportError:
    def ticks():
        return 1
LIMIT = const(7)
WORD = "word"
def factor(helper=WORD):
    try:
        return helper + 1
    except TypeError as WORD:
        return str(WORD) and helper
def helper(amount, factor=2):
    total = amount * factor
    return [total + LIMIT for step in range(amount)]
"""
MAIN = """
from package import leaf
from package.leaf import LIMIT, helper as other
class Box:
    def __init__(self, size):
        self._size = size
        self.size = size
    def _double(self):
        return self._size * 2
    def public(self, more):
        scale = lambda value: value * more + self._double()
        return scale(leaf.LIMIT)
def main(start):
    from package.leaf import helper as inner
    if LIMIT != leaf.LIMIT:
        raise ValueError
    return Box(start).public(start), inner(start), other(start, 3), leaf.factor(), Box(1).size
"""


def _run(sources: dict[str, str]) -> object:
    """What ``main(3)`` gives, with the modules under their own names, the package first."""
    import sys
    from types import ModuleType

    made = {"package": ModuleType("package"), "micropython": ModuleType("micropython")}
    made["micropython"].const = lambda value: value  # type: ignore[attr-defined]
    made["package"].__path__ = []
    before = dict(sys.modules)
    try:
        sys.modules.update(made)
        for name, text in sorted(sources.items()):
            if name == "__init__":
                exec(text, made["package"].__dict__)
                continue
            module = ModuleType(f"package.{name}")
            exec(text, module.__dict__)
            sys.modules[f"package.{name}"] = module
            setattr(made["package"], name, module)
        return sys.modules["package.main"].main(3)  # type: ignore[attr-defined]
    finally:
        sys.modules.clear()
        sys.modules.update(before)


SOURCES = {"__init__": "version = 1\n", "leaf": LEAF, "main": MAIN}
KEEP = frozenset({"main", "size"})


@pytest.mark.parametrize("together", [(), ("leaf",)])
def test_it_does_what_it_did(together: tuple[str, ...]) -> None:
    """Constants, defaults, closures, classes, imports under other names: the same answer before and after."""
    small = shrink(SOURCES, "package", KEEP, together)
    assert set(small) == {"__init__", "leaf", "main"} - set(together)
    assert _run(small) == _run(SOURCES) == (27, [13] * 3, [16] * 3, "word", 1)


def test_names_and_constants_are_gone_but_for_those_to_keep() -> None:
    """What others may use keeps its name; the rest is a word of the interpreter's, and numbers stand in place."""
    small = shrink(SOURCES, "package", KEEP)
    for word in ("LIMIT", "helper", "amount", "_double", "_size", "Box", "const", "public"):
        assert word not in small["leaf"] + small["main"]
    for word in ("main(", ".size", "ticks"):
        assert word in small["leaf"] + small["main"]


def test_attributes_of_what_is_derived_from_elsewhere_keep_their_names() -> None:
    """The base has names of its own, and may be looked for by them."""
    source = ("class Own(dict):\n    def rest(self):\n        self._left = 1\n"
              "class Box:\n    def rest(self):\n        pass\n")
    small = shrink({"main": source}, "package", frozenset())["main"]
    assert small.count("def rest(") == 2 and "._left" in small


def test_a_parameter_hidden_by_an_inner_one_is_refused() -> None:
    """Renaming would change which of the two is meant."""
    with pytest.raises(SyntaxError, match="value"):
        shrink({"main": "def f(value):\n    return lambda value: value\n"}, "package", frozenset())
