"""Modules of device code made one."""

from __future__ import annotations

import ast

from lamplighter.gateway.devicebuild.bundle import join


def _joined(whole: str, later: str, keep: frozenset[str] = frozenset(), second: str = "") -> tuple[str, str]:
    """The package and the module ``later``, after ``a`` was joined to it."""
    trees = {"__init__": ast.parse(""), "a": ast.parse(whole), "later": ast.parse(later), "second": ast.parse(second)}
    join(trees, "package", ("a",), keep)
    assert set(trees) == {"__init__", "later", "second"}
    return ast.unparse(ast.fix_missing_locations(trees["__init__"])), ast.unparse(
        ast.fix_missing_locations(trees["later"]))


def test_what_nobody_uses_goes_and_what_others_keep_stays() -> None:
    """Also what only the unused used."""
    whole = ("import x\ndef one():\n    pass\n    return x.y\ndef two():\n    pass\n    return one()\n"
             "def three():\n    pass\n")
    assert _joined(whole, "", frozenset({"three"}))[0] == "def three():\n    pass"


def test_a_function_that_one_later_module_calls_goes_there_with_what_it_needs() -> None:
    """What stays is reached through the package."""
    whole = ("import json\ndef used(x):\n    x += 1\n    return json.dumps(shared(x))\n"
             "def shared(x):\n    x += 1\n    return x\nkept = shared\n")
    left, later = _joined(whole, "from package import used as other\nother(1)\n", frozenset({"kept"}))
    assert left == "def shared(x):\n    x += 1\n    return x\nkept = shared"
    scope: dict[str, object] = {}
    exec("import types\npackage = types.SimpleNamespace(shared=lambda x: x)\n" + later.replace("import package", ""),
         scope)
    assert "def used" in later and "import json" in later and "package.shared(" in later


def test_classes_and_what_is_handed_on_stay() -> None:
    """They may outlive the module that is dropped; and two users are one too many."""
    whole = "class A:\n    pass\ndef f():\n    pass\ndef g():\n    pass\n"
    later = "import package\npackage.A()\nx = package.f\npackage.g()\n"
    left, _ = _joined(whole, later, second="import package\npackage.g()\n")
    assert left.startswith("class A") and "def f" in left and "def g" in left


def test_a_function_that_is_one_expression_and_called_once_stands_in_place() -> None:
    """Constants too; not where an argument would be evaluated twice or later than before."""
    whole = ("WORD = 'w'\ndef f(a, b):\n    return a + b(a) + WORD\ndef g(a):\n    return a + a\n"
             "def main(x, y):\n    g(x())\n    return f(x.z, y)\n")
    left, _ = _joined(whole, "", frozenset({"main"}))
    assert "return x.z + y(x.z) + 'w'" in left
    assert "def f" not in left and "def g" in left and "WORD" not in left


def test_what_would_mean_something_else_in_place_is_called_as_before() -> None:
    """A name that is bound where the call is; a part of an argument that is evaluated after a call."""
    hidden = "WORD = object\ndef f(a):\n    return [a, WORD]\ndef main(x):\n    WORD = 1\n    return f(x), WORD\n"
    later = "def f(a, b):\n    return a() + b\ndef main(x):\n    return f(x, x.z)\n"
    sooner = "def f(a, b):\n    return b + a()\ndef main(x):\n    return f(x, x.z)\n"
    keep = frozenset({"main"})
    assert "f(x)" in _joined(hidden, "", keep)[0]
    assert "f(x, x.z)" in _joined(later, "", keep)[0]
    assert "return x.z + x()" in _joined(sooner, "", keep)[0]


def test_what_does_something_or_can_change_stays_where_it_is() -> None:
    """A call at import is done once, when it was; a list is the same list for everybody."""
    whole = "def start():\n    pass\ndone = start()\nseen = []\nlimit = (1, 2)\n"
    left, later = _joined(whole, "import package\nprint(package.seen, package.limit)\n")
    assert left.endswith("done = start()\nseen = []")
    assert later == "import package\nlimit = (1, 2)\nprint(package.seen, limit)"
