"""Device code as MicroPython wants it."""

from __future__ import annotations

import ast
from typing import Any

from lamplighter.gateway.devicebuild.target import for_micropython, texts_in_one


def _made(code: str) -> str:
    return ast.unparse(for_micropython(ast.parse(code)))


def test_what_only_another_runtime_runs_is_left_out() -> None:
    """Also in classes and expressions; other conditions stay."""
    code = """
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
    assert _made(code) == "a = 1\nb = 3\nif a:\n    raise ValueError\nif sys.platform == 'esp32':\n    c = 5"


def test_lists_are_made_by_loops_where_that_is_the_same() -> None:
    """Not where the loop's variable or the list has a name that the function uses otherwise."""
    code = "def f(x):\n    b = [i + 1 for i in x if i if x]\n    return [j for j in b]\n"
    made = _made(code)
    assert "[i" not in made and "[j" not in made and made.count("append") == 2
    for text in (code, made):
        scope: dict[str, Any] = {}
        exec(text, scope)
        assert scope["f"]([1, 0, 2]) == [2, 3]
    other = ("def f(x):\n    i = 1\n    x = [i for i in x]\n    y = [i for k in x]\n"
             "    y = [k for k in (lambda: x)()]\n    return (y, i, [k for k in x])")
    assert _made(other) == other.strip()


def test_keys_of_a_dictionary_are_one_text() -> None:
    """Where there are several, all of them words."""
    assert _made("x = {'a': 1, 'b': f()}") == "x = dict(zip('a b'.split(), (1, f())))"
    for code in ("x = {'a': 1}", "x = {'a b': 1, 'c': 2}", "x = {'a': 1, **y}", "x = {'a': 1, 2: 3}"):
        assert _made(code) == code


def test_many_short_texts_of_a_module_that_leaves_are_one() -> None:
    """Not those that the interpreter has anyway, nor long ones, which it does not keep; few are left as they are."""
    code = ("def f(x):\n    y = [x['site'], x['key'], x['longer than ten'], f'{x}ab', 'net', 'site', 'ca', b'c']\n"
            "    return [y, 'room', 'duty', 'baud', (lambda: 'inner')()]\ndef g():\n    return 'site'")
    tree = ast.parse(code)
    texts_in_one(tree)
    made = ast.unparse(ast.fix_missing_locations(tree))
    assert made.splitlines()[1] == "    _texts = 'site net ca room duty baud'.split()"
    assert "y = [x[_texts[0]], x['key'], x['longer" in made
    given = {"site": 1, "key": 2, "longer than ten": 3}
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    exec(code, before)
    exec(made, after)
    assert before["f"](given) == after["f"](given) and "return 'site'" in made
