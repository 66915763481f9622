"""Modules of device code made one."""

from __future__ import annotations

import ast

from lamplighter.gateway.devicebuild.bundle import for_micropython, join, plain_tuples


def _joined(whole: str, later: str, keep: frozenset[str] = frozenset(), second: str = "") -> tuple[str, str]:
    """The package and the module ``later``, after ``a`` was joined to it."""
    trees = {"__init__": ast.parse(""), "a": ast.parse(whole), "later": ast.parse(later), "second": ast.parse(second)}
    join(trees, "package", ("a",), keep)
    assert set(trees) == {"__init__", "later", "second"}
    return ast.unparse(ast.fix_missing_locations(trees["__init__"])), ast.unparse(
        ast.fix_missing_locations(trees["later"]))


def test_what_only_another_runtime_runs_is_left_out() -> None:
    """Also in classes and expressions; other conditions stay."""
    code = """
try:
    from micropython import const
except ImportError:
    const = int
if sys.implementation.name == 'micropython':
    a = 1
else:
    a = 2
b = 3 if sys.implementation.name == 'micropython' else 4
if sys.implementation.name != 'micropython':
    import hmac
if a:
    raise ValueError('for people')
if sys.platform == 'esp32':
    c = 5
"""
    made = ast.unparse(for_micropython(ast.parse(code)))
    assert made == "a = 1\nb = 3\nif a:\n    raise ValueError\nif sys.platform == 'esp32':\n    c = 5"


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


def test_fields_become_places() -> None:
    """A named tuple made of a tuple is that tuple."""
    code = "Pair = namedtuple('Pair', ('one', 'two'))\npair = Pair(*(1, 2))\nx = pair.two\n"
    tree = ast.parse(code)
    plain_tuples([tree])
    assert ast.unparse(ast.fix_missing_locations(tree)) == "pair = (1, 2)\nx = pair[1]"
