"""Functions put where they are called."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from lamplighter.gateway.devicebuild.scan import Module
from lamplighter.gateway.devicebuild.splice import once, splice

CODE = """
class Box:
    def __init__(self, size):
        self.size = size
        self.seen = []
    def public(self, size):
        more = 1
        self._note(size + self.size)
        more = self._twice(more)
        self._note_odd(size)
        return self._kind(more)
    def other(self, size):
        for _ in range(2):
            size = part(size, size + 1)
        return size, [first(1)]
    def _note(self, size):
        more = size * 10
        for size in (size, more):
            self.seen.append(size)
    def _note_odd(self, size):
        if size % 2 == 0:
            return
        self.seen.append("odd")
    def _twice(self, value):
        if value > 5:
            return value
        elif value > 3:
            value += 1
        else:
            value += 2
        return value * 2
    def _kind(self, value):
        for known in (2, 6, 12):
            if known == value:
                return "known"
        return "new"
    def _often(self):
        return self.seen
    def both(self):
        self._often()
        return self._often()
def part(low, high):
    try:
        high = high // low
    except ZeroDivisionError as error:
        high = str(error)[:0] or 7
    return low + high
def first(value):
    value += 1
    return value
def main(size):
    box = Box(size)
    box.seen = helped(box.seen)
    return box.public(size), box.other(size), box.both()
def helped(seen):
    return seen + ["helped"]
"""


def _put(code: str, keep: frozenset[str] = frozenset({"main"})) -> str:
    tree = ast.parse(code)
    methods = once({"a": Module("a", tree, "package", frozenset({"a"}))}, keep)
    splice(tree, methods, keep)
    return ast.unparse(ast.fix_missing_locations(tree))


def _said(code: str, given: int) -> object:
    scope: dict[str, Any] = {}
    exec(code, scope)
    return scope["main"](given)


@pytest.mark.parametrize("given", [0, 1, 2, 3, 4, 5])
def test_it_does_the_same(given: int) -> None:
    """With names that both have, parameters that change, several ends, an exception that is named."""
    assert _said(_put(CODE), given) == _said(CODE, given)


def test_what_is_called_once_as_a_statement_is_gone() -> None:
    """Not what is called twice, inside an expression, or what returns from amid a loop, but for a return of that."""
    code = _put(CODE)
    assert [word for word in ("public", "other", "_note", "_note_odd", "_twice", "_kind", "_often", "part", "first",
                              "helped") if f"def {word}(" in code] == ["public", "other", "_often", "first"]


def test_what_was_local_is_forgotten() -> None:
    """A function that goes on would else hold in the heap what the one in it has made."""
    code = _put("def main(x):\n    f(x)\n    g(x)\n"
                "def f(x):\n    y = x()\n    y.z()\ndef g(x):\n    y = x()\n    y.z()\n")
    assert code == ("def main(x):\n    _own0 = x()\n    _own0.z()\n    _own0 = None\n"
                    "    _own0 = x()\n    _own0.z()")


@pytest.mark.parametrize("code", [
    "def main(x):\n    f(g(x))\n    return 1\ndef f(y):\n    return y\ndef g(x):\n    x += 1\n    return x\n",
    "def main(x):\n    k = 2\n    f(x)\n    return k\nk = 1\ndef f(x):\n    x.append(k)\n",
    "def main(x):\n    f(*x)\ndef f(x):\n    x.append(1)\n",
    "def main(x):\n    f(x)\ndef f(x, y=1):\n    x.append(y)\n",
    "def main(x):\n    f(x)\ndef f(x):\n    x.append(lambda: x)\n",
    "def main(x):\n    yield\n    f(x)\ndef f(x):\n    x.append(1)\n",
    "def main(x):\n    f(x)\ndef f(x):\n    while x:\n        return\n",
    "def main(x):\n    f(x)\nf = f or main\ndef f(x):\n    x.append(1)\n",
])
def test_what_might_mean_something_else_is_called_as_before(code: str) -> None:
    """An argument with a function of its own, a hidden name, a scope, a generator, a way out of a loop."""
    assert "def f(" in _put(code) or "def g(" in _put(code)


def test_a_method_is_its_classs_own() -> None:
    """One that two classes have, that MicroPython has, or that a text or another object reaches stays."""
    made = _put("""
class A:
    def go(self):
        self.flush()
        self.both()
        self._told()
        self._seen()
    def flush(self):
        pass
    def both(self):
        pass
    def _told(self):
        pass
    def _seen(self):
        pass
class B:
    def both(self):
        getattr(self, '_told')
def main(x):
    x._seen()
    A().go()
""")
    assert all(f"def {word}(" in made for word in ("flush", "both", "_told", "_seen"))
