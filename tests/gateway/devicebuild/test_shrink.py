"""Device code made smaller."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lamplighter.gateway.devicebuild.shrink import shrink

LEAF = """
try:
    from time import ticks
except ImportError:
    def ticks():
        return 1
LIMIT = 7
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
    from types import ModuleType

    made = {"package": ModuleType("package")}
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


@pytest.mark.parametrize("roots", [(), ("leaf",)])
def test_it_does_what_it_did(roots: tuple[str, ...]) -> None:
    """Constants, defaults, closures, classes, imports under other names: the same answer before and after."""
    small = shrink(SOURCES, "package", KEEP, roots)
    assert set(small) == {"__init__", "leaf", "main"} - set(roots)
    assert _run(small) == _run(SOURCES) == (27, [13] * 3, [16] * 3, "word", 1)


def test_names_and_constants_are_gone_but_for_those_to_keep() -> None:
    """What others may use keeps its name; the rest is a word of the interpreter's, and numbers stand in place."""
    small = shrink(SOURCES, "package", KEEP)
    for word in ("LIMIT", "helper", "amount", "_double", "_size", "Box", "public"):
        assert word not in small["leaf"] + small["main"]
    for word in ("main(", ".size", "ticks"):
        assert word in small["leaf"] + small["main"]


def test_attributes_of_what_is_derived_from_elsewhere_keep_their_names() -> None:
    """The base has names of its own, and may be looked for by them."""
    source = ("class Own(dict):\n    def rest(self):\n        self._left = 1\n"
              "class Box:\n    def rest(self):\n        pass\n")
    small = shrink({"main": source}, "package", frozenset())["main"]
    assert small.count("def rest(") == 2 and "._left" in small


def test_a_name_that_something_of_micropythons_has_is_nobodys_to_change() -> None:
    """A task is cancelled by that name, whatever the package calls its own."""
    source = ("import asyncio\nclass Agent:\n    def cancel(self):\n        self.given_up = asyncio.create_task(1)\n"
              "def main(agent, task):\n    agent.cancel()\n    task.cancel()\n    agent.given_up.cancel()\n")
    small = shrink({"main": source}, "package", frozenset())["main"]
    assert small.count(".cancel()") == 3 and "def cancel(" in small
    assert "given_up" not in small


def test_what_a_text_or_another_package_reaches_keeps_its_name() -> None:
    """Also where it begins with an underscore and its class reaches it through ``self``."""
    source = ("import board\nclass Box:\n    def __init__(self):\n        self.size = self._left = self.fine = 1\n"
              "def main(box):\n    return getattr(box, 'size'), hasattr(box, '_left'), board.pin().fine, box.fine\n")
    small = shrink({"main": source}, "package", frozenset())["main"]
    assert "self" not in small and ".size = " in small and "._left = " in small and small.count(".fine") == 3


def test_a_private_name_that_others_reach_is_renamed_for_all() -> None:
    """Two classes have different words for what only they reach, one for what they reach of each other."""
    source = ("class A:\n    def __init__(self, other):\n        self._mine = self._ours = other._ours\n"
              "class B:\n    def __init__(self):\n        self._b = 0\n        self._mine = 1\n"
              "        self._ours = 2\n"
              "    def sum(self):\n        return self._mine + self._ours\n"
              "def main(start):\n    return A(B())._ours, B().sum()\n")
    small = shrink({"__init__": "", "main": source}, "package", frozenset({"main"}))
    assert "_ours" not in small["main"] and "_mine" not in small["main"]
    assert _run(small) == (2, 3)


def test_a_class_of_the_package_inherits_what_its_base_calls_its_own() -> None:
    """One word for both."""
    source = ("class A:\n    def __init__(self):\n        self._left = 1\n        self._right = 2\n"
              "    def _both(self):\n        return self._left + self._right\n"
              "class B(A):\n    def sum(self):\n        self._right = 5\n        return self._both() + self._left\n"
              "def main(start):\n    return B().sum()\n")
    assert _run(shrink({"__init__": "", "main": source}, "package", frozenset({"main"}))) == 7


def test_an_argument_list_may_be_called_like_something_of_the_module() -> None:
    """It is a parameter like the others."""
    source = ("def parts(*main):\n    return main\ndef helper(*parts):\n    return len(parts)\n"
              "def main(start):\n    return helper(*parts(1, 2))\n")
    assert _run(shrink({"__init__": "", "main": source}, "package", frozenset({"main"}))) == 2


def test_the_same_source_is_packed_alike_by_every_process() -> None:
    """Python's order of sets differs from one to the next."""
    code = ("import sys, hashlib; sys.path.insert(0, sys.argv[1])\n"
            "from lamplighter.gateway.devicebuild.compiler import ENTRIES, RESIDENT\n"
            "from lamplighter.gateway.devicebuild.shrink import shrink\n"
            "from lamplighter.gateway.simulate.fleet import FIRMWARE\n"
            "made = shrink({p.stem: p.read_text() for p in FIRMWARE.glob('*.py')}, 'firmware', ENTRIES, RESIDENT)\n"
            "print(sorted(made.items()))")
    said = {subprocess.run([sys.executable, "-c", code, "src"], env={**os.environ, "PYTHONHASHSEED": seed},
                           capture_output=True, text=True, check=True).stdout for seed in ("1", "2")}
    assert len(said) == 1 and len(said.pop()) > 10_000
