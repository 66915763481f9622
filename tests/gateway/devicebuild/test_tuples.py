"""Named tuples as plain ones."""

from __future__ import annotations

import ast

import pytest

from lamplighter.gateway.devicebuild.scan import Ambiguous, Module
from lamplighter.gateway.devicebuild.tuples import plain_tuples

PAIR = "Pair = namedtuple('Pair', ('one', 'two'))\n"


def _plain(code: str, keep: frozenset[str] = frozenset(), other: str = "") -> str:
    trees = {"a": ast.parse(PAIR + code), "b": ast.parse(other)}
    plain_tuples({name: Module(name, tree, "package", frozenset(trees)) for name, tree in trees.items()}, keep)
    return "\n".join(ast.unparse(ast.fix_missing_locations(tree)) for tree in trees.values()).strip()


def test_fields_become_places() -> None:
    """A named tuple made of a tuple is that tuple, one made of all fields is one of them, in other modules too."""
    assert _plain("pair = Pair(*(1, 2))\nx = pair.two\n") == "pair = (1, 2)\nx = pair[1]"
    assert _plain("pair = Pair(*given)\n") == "pair = tuple(given)"
    other = "from package.a import Pair as P\nfrom package import a\nx = P(1, 2).one\ny = a.Pair(3, 4)\n"
    assert _plain("", other=other) == "from package import a\nx = (1, 2)[0]\ny = (3, 4)"


@pytest.mark.parametrize(("code", "what"), [
    ("class A:\n    def f(self):\n        self.two = 1\n", "a.py:1: Pair: something else has two too"),
    ("class A:\n    def one(self):\n        pass\n", "has one too"),
    ("import m\nm.x().two\n", "has two too"),
    ("Other = namedtuple('Other', ('zero', 'one'))\n", "Other: something else has one too"),
    ("x = Pair\n", "a.py:2: Pair is not only called"),
    ("Pair(1)\n", "a.py:2: a named tuple is made of all its fields"),
])
def test_a_field_that_could_be_something_elses_is_refused(code: str, what: str) -> None:
    """By name, with file and line."""
    with pytest.raises(Ambiguous) as caught:
        _plain(code)
    assert what in str(caught.value)


def test_one_that_is_kept_stays_and_its_fields_are_nobody_elses() -> None:
    """Its name says that it is to be left alone."""
    assert _plain("x = Pair\n", frozenset({"Pair"})) == (PAIR + "x = Pair").strip()
    with pytest.raises(Ambiguous, match="Other"):
        _plain("Other = namedtuple('Other', ('zero', 'one'))\n", frozenset({"Pair"}))
