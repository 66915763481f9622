"""Modules that are in the heap only while they are used."""

from __future__ import annotations

import ast
import os
import subprocess
from pathlib import Path

import pytest

from lamplighter.gateway.devicebuild.lending import called, lend, lent, resident
from lamplighter.gateway.devicebuild.makers import MAKERS
from lamplighter.gateway.devicebuild.scan import Ambiguous, Module
from lamplighter.gateway.devicebuild.shrink import shrink
from lamplighter.gateway.devicebuild.words import WORDS
from lamplighter.gateway.simulate.fleet import find_micropython


def _modules(**sources: str) -> dict[str, Module]:
    return {name: Module(name, ast.parse(text), "package", frozenset(sources)) for name, text in sources.items()}


def test_what_is_imported_at_once_stays_and_what_a_function_imports_does_not() -> None:
    """Each that stays comes after those that it imports; one that stays anyway is not lent."""
    main = "from package import a\nfrom package.b import x\ndef f():\n    from package import a, d\n"
    modules = _modules(main=main, a="from package.b import x\n", b="x = 1\n", c="", d="from package import c\n",
                       e="def f():\n    from package import c\n")
    assert resident(modules, ("main",)) == ["b", "a", "main"]
    assert lent(modules, ["b", "a", "main"]) == {"d"}  # c is imported by d, as usual
    with pytest.raises(Ambiguous, match=r"b\.py:1: a\.py and b\.py import each other"):
        resident(_modules(a="from package import b\n", b="from package import a\n"), ("a",))


def test_what_is_lent_stands_where_it_is_used() -> None:
    """So that no variable holds the module; an import of something else stays."""
    code = "def f():\n    from package import d, e\n    from package.d import x as y\n    return d.z(y), e\n"
    modules = _modules(a=code, d="", e="")
    lend(modules, frozenset({"d"}))
    assert ast.unparse(ast.fix_missing_locations(modules["a"].tree)) == (
        "from package._lender import _lend\n\ndef f():\n    from package import e\n"
        "    return (_lend('d').z(_lend('d').x), e)")


def test_names_of_what_is_lent_are_its_modules() -> None:
    """They are renamed like those of any module, and constants are put in place."""
    main = "def main():\n    from .d import LIMIT, thing\n    return thing(LIMIT)\n"
    lent = "LIMIT = 7\ndef thing(x):\n    return x\n"
    small = shrink({"__init__": "", "main": main, "d": lent}, "package", frozenset({"main"}), ("main",))
    files = called(["d", MAKERS])
    assert set(small) == {"__init__", *files.values()} and files["d"] in WORDS
    code = small["__init__"] + small[files["d"]]
    assert "thing" not in code and "(7)" in code and f"({files['d']!r})" in code


def test_a_lent_module_is_loaded_anew_and_leaves_nothing(tmp_path: Path) -> None:
    """Neither among the modules nor in the path."""
    found = find_micropython()
    if not found:
        assert not os.environ.get("CI"), "no micropython program"
        pytest.skip("no micropython program here")
    main = "def main():\n    from .d import thing\n    return thing()\n"
    lent = "def thing():\n    return 1 // len(__name__[1:])\n"
    small = shrink({"__init__": "", "main": main, "d": lent}, "package", frozenset({"main"}), ("main",))
    (tmp_path / "package").mkdir()
    for name, text in small.items():
        (tmp_path / "package" / f"{name}.py").write_text(text)
    code = "import sys, package\nbefore = set(sys.modules), list(sys.path)\n" + """
for _ in range(2):
    print(package.main())
    assert (set(sys.modules), sys.path) == before
"""
    done = subprocess.run([found[0], "-c", code], cwd=tmp_path, env={"MICROPYPATH": f"{tmp_path}:.frozen"},
                          capture_output=True, text=True, timeout=300,
                          check=False)
    assert done.stdout.split() == ["0", "0"], done.stderr


@pytest.mark.parametrize(("main", "module", "what"), [
    ("def main():\n    from . import d\n    d.f()\n", "def f():\n    pass\nseen = []\n",
     "d.py:3: a module that leaves the heap after use cannot keep anything"),
    ("def main():\n    from .d import f\n    f = f()\n", "def f():\n    pass\n",
     "main.py:1: f is imported and bound"),
])
def test_what_lending_would_change_is_refused(main: str, module: str, what: str) -> None:
    """What a module keeps would be gone with it."""
    with pytest.raises(Ambiguous) as caught:
        shrink({"__init__": "", "main": main, "d": module}, "package", frozenset({"main"}), ("main",))
    assert str(caught.value) == what
