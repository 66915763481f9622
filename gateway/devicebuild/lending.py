"""Modules that are in the heap only while they are used: those that functions import."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from lamplighter.gateway.devicebuild.scan import Ambiguous, Module, binds
from lamplighter.gateway.devicebuild.words import MODULES, WORDS

LENDER = "_lender"
"""The module that has the function ``LEND``. Both are made here, under names that no source has."""
LEND = "_lend"


def lender() -> ast.Module:
    """A module with the function that imports another and forgets it.

    MicroPython never forgets the name of a module, nor of its package: so a lent one is imported from the package's
    folder as a module of its own, and ``called`` has names for it that are in read-only memory anyway.
    """
    return ast.parse(f"""
import sys
def {LEND}(name):
    sys.path.insert(0, __path__)
    try:
        return __import__(name)
    finally:
        sys.path.pop(0)
        sys.modules.pop(name, None)
""")


def called(names: Iterable[str]) -> dict[str, str]:
    """What the files of lent modules are called."""
    short = sorted((word for word in WORDS if word not in MODULES), key=len)
    return dict(zip(sorted(names), short, strict=False))


class Called(ast.NodeTransformer):
    """Calls lent modules as ``names`` says where the function ``lend`` has them."""

    def __init__(self, lend: str, names: dict[str, str]) -> None:
        self.lend, self.names = lend, names

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node:
            case ast.Call(ast.Name(name) | ast.Attribute(ast.Name(), name), [ast.Constant(str(word))]):
                if name == self.lend and word in self.names:
                    node.args = [ast.Constant(self.names[word])]
        return self.generic_visit(node)


def resident(modules: dict[str, Module], roots: tuple[str, ...]) -> list[str]:
    """``roots`` with all that they import when they are imported, each module after those that it imports.

    Raises Ambiguous where two import each other.
    """
    order: list[str] = []

    def add(name: str, above: tuple[str, ...]) -> None:
        module = modules[name]
        for node in module.tree.body:
            for other in _taken_from(node, module, modules):
                if other in (*above, name):
                    raise Ambiguous(name, node, f"{other}.py and {name}.py import each other")
                add(other, (*above, name))
        if name not in order:
            order.append(name)

    for name in roots:
        add(name, ())
    return order


def _taken_from(node: ast.AST, module: Module, modules: dict[str, Module]) -> list[str]:
    """The modules of the package that an import statement takes something from."""
    match node:
        case ast.ImportFrom(module=package, names=names) if package == module.package:
            return [alias.name for alias in names if alias.name in modules]
        case ast.ImportFrom(module=str(dotted)) if dotted.startswith(module.package + "."):
            return [dotted.removeprefix(module.package + ".")]
    return []


def lent(modules: dict[str, Module], together: list[str]) -> frozenset[str]:
    """Modules that are imported inside functions alone, and not among ``together``, which are in the heap anyway."""
    found: set[str] = set()
    kept = set(together)
    for module in modules.values():
        kept.update(*(_taken_from(node, module, modules) for node in module.tree.body))
        for function in ast.walk(module.tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                found.update(*(_taken_from(node, module, modules) for node in ast.walk(function)))
    return frozenset(found.difference(kept))


def lend(modules: dict[str, Module], names: frozenset[str]) -> None:
    """Puts what a function imports from modules of ``names`` where it is used: nothing holds the module longer."""
    for module in modules.values():
        borrower = _Borrower(module, names)
        borrower.visit(module.tree)
        if borrower.found:
            module.tree.body.insert(0, ast.ImportFrom(f"{module.package}.{LENDER}", [ast.alias(LEND)], 0))


class _Borrower(ast.NodeTransformer):
    def __init__(self, module: Module, lent: frozenset[str]) -> None:
        self.module, self.lent = module, lent
        self.table: dict[str, ast.expr] | None = None  # what each name is, inside a function
        self.found = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        outermost = self.table is None
        if outermost:
            self.table = {}
            bound = {name for part in ast.walk(node) for name in binds(part)}
            for part in ast.walk(node):
                if isinstance(part, ast.ImportFrom):
                    self._learn(part)
            if bound & set(self.table):
                raise Ambiguous(self.module.name, node, f"{min(bound & set(self.table))} is imported and bound")
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        if outermost:
            self.table = None
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]

    def _learn(self, node: ast.ImportFrom) -> None:
        """What the names of an import are; the statement is left with those that are imported as usual."""
        assert self.table is not None
        of = str(node.module).removeprefix(self.module.package + ".")
        for alias in list(node.names):
            module = alias.name if node.module == self.module.package else of
            if module in self.lent:
                whole: ast.expr = ast.Call(ast.Name(LEND, ast.Load()), [ast.Constant(module)], [])
                if node.module != self.module.package:
                    whole = ast.Attribute(whole, alias.name, ast.Load())
                self.table[alias.asname or alias.name] = whole
                self.found = True
                node.names.remove(alias)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return node if node.names else None

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.copy_location((self.table or {}).get(node.id, node), node)
