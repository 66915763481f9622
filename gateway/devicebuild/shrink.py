"""Makes a package of device code smaller in memory, without changing what it does.

MicroPython keeps the name of every parameter, attribute and module-level object of an ``.mpy`` in the heap,
and each constant of a module in a dictionary. So modules that are always loaded together become one, those that
functions import leave the heap after use, whole-number constants are put where they are used, and names that nothing
outside the package can see are replaced by words that every MicroPython has in its read-only memory anyway.
"""

from __future__ import annotations

import ast

from lamplighter.gateway.devicebuild.bundle import join
from lamplighter.gateway.devicebuild.lending import LEND, LENDER, Called, called, lend, lender, lent, resident
from lamplighter.gateway.devicebuild.makers import MAKERS
from lamplighter.gateway.devicebuild.names import Names
from lamplighter.gateway.devicebuild.refuse import refuse
from lamplighter.gateway.devicebuild.scan import Module
from lamplighter.gateway.devicebuild.splice import once, splice
from lamplighter.gateway.devicebuild.target import absolute, for_micropython, texts_in_one, unnamed_classes
from lamplighter.gateway.devicebuild.tuples import plain_tuples


def shrink(sources: dict[str, str], package: str, keep: frozenset[str],
           roots: tuple[str, ...] = ()) -> dict[str, str]:
    """The modules of ``package`` by name (``mac``, ``wire``, ...), rewritten for MicroPython.

    ``keep``: names that others use, or use of theirs; a named tuple that is to stay one. ``roots``: modules that are
    always in the heap; with all that they import they become the package's own, ``__init__``. Raises SyntaxError, and
    Ambiguous where the names of the package cannot be changed without risk.
    """
    trees = {name: for_micropython(absolute(ast.parse(text), package)) for name, text in sources.items()}
    modules = _modules(trees, package)
    together = resident(modules, roots)
    borrowed = lent(modules, together) if together else frozenset()
    refuse(modules, frozenset(together), borrowed)
    plain_tuples(modules, keep)
    if borrowed:
        lend(modules, borrowed)
        trees[LENDER] = lender()
        together.insert(0, LENDER)
    methods = once(_modules(trees, package), keep)
    names = Names(_modules(trees, package), together, keep)
    for name, tree in trees.items():
        _Parameters(names.parameters).visit(tree)
        _Linker(name, names).visit(tree)
    if together:
        lending = names.short[LENDER][LEND] if borrowed else ""
        join(trees, package, together, keep, methods, lending)
    for name in sorted(trees.keys() - {"__init__"}):
        splice(trees[name], methods, _borrowed(trees, lending, name) if name in borrowed else None)
    files = called([*borrowed, MAKERS]) if borrowed else {}
    for tree in trees.values() if borrowed else ():
        Called(lending, files).visit(tree)
    for name in borrowed:
        texts_in_one(trees[name])
    for tree in trees.values():
        unnamed_classes(tree)
    return {files.get(name, name): ast.unparse(ast.fix_missing_locations(tree)) for name, tree in trees.items()}


def _modules(trees: dict[str, ast.Module], package: str) -> dict[str, Module]:
    return {name: Module(name, tree, package, frozenset(trees)) for name, tree in trees.items()}


def _borrowed(trees: dict[str, ast.Module], lending: str, name: str) -> frozenset[str]:
    """What is taken from the module ``name``, which the function ``lending`` has."""
    found = set()
    for node in (node for tree in trees.values() for node in ast.walk(tree)):
        match node:
            case ast.Attribute(ast.Call(ast.Name(lends) | ast.Attribute(_, lends), [ast.Constant(word)]), attribute):
                found |= {attribute} if (lends, word) == (lending, name) else set()
    return frozenset(found)


class _Linker(ast.NodeTransformer):
    """Puts constants in place and renames what the tables of its own and the imported modules say."""

    def __init__(self, name: str, names: Names) -> None:
        self.name, self.all = name, names
        self.here = name in names.together
        self.fixed = dict(names.constants[name])   # names here -> number
        self.names = dict(names.short[name])       # names here -> short name
        self.modules: dict[str, str] = {}          # names here -> module of the package
        self.attributes = names.attributes

    def visit_Module(self, node: ast.Module) -> ast.Module:
        for part in ast.walk(node):
            if isinstance(part, ast.ImportFrom):
                self._learn(part)
        self.generic_visit(node)
        return node

    def _learn(self, node: ast.ImportFrom) -> None:
        module = self.all.module(node.module)
        for alias in node.names:
            name = alias.asname or alias.name
            if node.module == self.all.package and alias.name in self.all.short:
                self.modules[name] = alias.name
            elif module and alias.name in self.all.constants[module]:
                self.fixed[name] = self.all.constants[module][alias.name]
            elif module:
                self.names[name] = self.all.short[module].get(alias.name, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.stmt] | None:
        module = self.all.module(node.module)
        joined_in = self.all.together
        if module:
            node.names = [ast.alias(self.all.short[module].get(alias.name, alias.name), self.names.get(name, name))
                          for alias in node.names if alias.name not in self.all.constants[module]
                          for name in (alias.asname or alias.name,)]
            if module in joined_in:
                node.module = self.all.package
                if self.here:
                    return None
        elif node.module == self.all.package:
            apart = [alias for alias in node.names if alias.name not in joined_in]
            if len(apart) < len(node.names) and not self.here:
                whole = ast.Import([ast.alias(self.all.package)])
                return [whole, ast.ImportFrom(node.module, apart, 0)] if apart else whole
            node.names = apart
        return node if node.names else None

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        match node.targets:
            case [ast.Name(name)] if name in self.fixed:
                return None
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        match node.value:
            case ast.Name(name) if name in self.modules:
                return self._of_module(node, self.modules[name])
            case ast.Call(ast.Name(name), [ast.Constant(str(module))]) if name == LEND:
                return self._of_module(node, module)
        node.attr = self.attributes.get(node.attr, node.attr)
        return self.generic_visit(node)

    def _of_module(self, node: ast.Attribute, module: str) -> ast.AST:
        if node.attr in self.all.constants[module]:
            return ast.Constant(self.all.constants[module][node.attr])
        node.attr = self.all.short[module].get(node.attr, node.attr)
        if module not in self.all.together:
            return self.generic_visit(node)
        if self.here:
            return ast.Name(node.attr, node.ctx)
        node.value = ast.Name(self.all.package, ast.Load())
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.fixed:
            return ast.Constant(self.fixed[node.id])
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = self.names.get(node.name, node.name) if node.name else None
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        outer = self.attributes
        self.attributes = {**self.all.attributes, **self.all.private.get((self.name, node.name), {})}
        node.name = self.names.get(node.name, node.name)
        node.bases = [self.visit(base) for base in node.bases]
        for part in node.body:
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                part.name = self.attributes.get(part.name, part.name)
                self.generic_visit(part)
            else:
                self.visit(part)
        self.attributes = outer
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self.names.get(node.name, node.name)
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]


class _Parameters(ast.NodeTransformer):
    """Gives the parameters of each function short names that nothing else in the module has.

    Comes before the linker, which knows no scopes: a parameter may be called like a function of the module.
    """

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.used = 0  # by the functions around

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        given = [*node.args.args, *([node.args.vararg] if node.args.vararg else [])]
        table = {arg.arg: self.words[self.used + i] for i, arg in enumerate(given)}
        for arg in given:
            arg.arg = table[arg.arg]
        body: list[ast.stmt] = node.body if isinstance(node.body, list) else [node.body]
        for part in (part for statement in body for part in ast.walk(statement)):
            if isinstance(part, ast.Name) and part.id in table:
                part.id = table[part.id]
        self.used += len(table)
        self.generic_visit(node)
        self.used -= len(table)
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]
    visit_Lambda = visit_FunctionDef  # type: ignore[assignment]
