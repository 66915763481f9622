"""What makes objects, out of the heap."""

from __future__ import annotations

import ast
from types import ModuleType

from lamplighter.gateway.devicebuild.makers import MAKERS, lift

CODE = """
START = 3
class Inner:
    def __init__(self, size):
        self.size = size + START
    def get(self):
        return self.size
class Outer:
    def __init__(self, size):
        self.inner = Inner(size)
    def get(self):
        return self.inner.get()
class Often:
    def __init__(self):
        self.size = 1
    def get(self):
        return self.size
def main():
    return Outer(4).get() + Often().get() + Often().get()
"""


def test_what_is_made_in_one_place_is_made_by_a_module_of_its_own() -> None:
    """It does the same as before; a class that is made in two places, or elsewhere too, keeps its ``__init__``."""
    whole = ast.parse(CODE)
    made = lift(whole, "lend", "package", frozenset(), frozenset({"START", "Inner", "Outer", "Often", "main"}))
    left, makers = (ast.unparse(ast.fix_missing_locations(tree)) for tree in (whole, made))
    assert left.count("__init__") == 1 and "lend" not in makers
    package, lent = ModuleType("package"), ModuleType(MAKERS)
    exec(makers.replace("import package", ""), vars(lent) | {"package": package}, vars(lent))
    vars(lent)["package"] = package
    exec(makers.replace("import package", ""), vars(lent))
    exec(left, vars(package) | {}, vars(package))
    vars(package)["lend"] = {MAKERS: lent}.get
    exec(left, vars(package))
    assert package.main() == 4 + 3 + 1 + 1


def test_what_others_name_or_derive_from_is_left() -> None:
    """They would make it without its beginning."""
    code = ("class A:\n    def __init__(self):\n        self.x = 1\n"
            "    def f(self):\n        pass\ndef f():\n    A()\n")
    for more, outside in (("", {"A"}), ("kept = A\n", set()), ("class B(A):\n    pass\n", set())):
        tree = ast.parse(code + more)
        lift(tree, "lend", "package", frozenset(outside), frozenset({"A", "f"}))
        assert "__init__" in ast.unparse(tree)
