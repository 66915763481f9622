"""Makes a package of device code smaller in memory, without changing what it does.

MicroPython keeps the name of every parameter, attribute and module-level object of an ``.mpy`` in the heap,
and each constant of a module in a dictionary. So here whole-number constants are put where they are used, and
names that nothing outside the package can see are replaced by short ones, the same few in every module. What
is public on an object (a method or attribute without a leading underscore) keeps its name.
"""

from __future__ import annotations

import ast
import itertools
import string
from collections.abc import Iterator


def shrink(sources: dict[str, str], package: str, keep: frozenset[str]) -> dict[str, str]:
    """The modules of ``package`` by name (``mac``, ``wire``, ...), rewritten; ``keep``: top-level names to leave.

    The package must not call its own functions with keyword arguments or reach private names of another
    module. Raises SyntaxError.
    """
    trees = {name: ast.parse(text) for name, text in sources.items()}
    constants = {name: _constants(tree) for name, tree in trees.items()}
    short = {name: _short_names(tree, package, keep, constants) for name, tree in trees.items()}
    for name, tree in trees.items():
        _Parameters(set(_names(tree))).visit(tree)
        _Linker(name, package, constants, short).visit(tree)
    return {name: ast.unparse(ast.fix_missing_locations(tree)) for name, tree in trees.items()}


def _constants(tree: ast.Module) -> dict[str, int]:
    """Names bound once, at module level, to ``const(number)``."""
    found: dict[str, int] = {}
    for node in tree.body:
        match node:
            case ast.Assign([ast.Name(name)], ast.Call(ast.Name("const"), [ast.Constant(int(value))])):
                found[name] = value
    return found


def _short_names(
    tree: ast.Module, package: str, keep: frozenset[str], numbers: dict[str, dict[str, int]],
) -> dict[str, str]:
    """Short names for the module's top-level functions, classes and variables, what it imports of the package,
    and its private attributes. A name that may also come from outside the package stays: it has to match.
    """
    mine: dict[str, None] = {}
    foreign: set[str] = set()
    for node in _top_level(tree.body):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                mine[name] = None
            case ast.Assign(targets=[ast.Name(name)]):
                mine[name] = None
            case ast.ImportFrom(module=str(module)) if module.startswith(package + "."):
                mine.update(dict.fromkeys(alias.asname or alias.name for alias in node.names))
    for inner in ast.walk(tree):
        match inner:
            case ast.ImportFrom(module=str(module)) if module.startswith(package):
                pass
            case ast.ImportFrom() | ast.Import():
                foreign |= {alias.asname or alias.name for alias in inner.names}
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("_"):
                mine[name] = None
            case ast.Attribute(ast.Name("self"), name, ast.Store()) if name.startswith("_"):
                mine[name] = None
    words = (word for word in _words("_") if word not in set(_names(tree)))
    stay = keep | foreign | {name for table in numbers.values() for name in table}
    return dict(zip([n for n in mine if not n.startswith("__") and n not in stay], words, strict=False))


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those in ``if`` and ``try`` too."""
    for node in body:
        yield node
        for part in ("body", "orelse", "finalbody"):
            if isinstance(node, ast.If | ast.Try):
                yield from _top_level(getattr(node, part, []))
        if isinstance(node, ast.Try):
            for handler in node.handlers:
                yield from _top_level(handler.body)


def _words(prefix: str) -> Iterator[str]:
    for length in itertools.count(1):
        for letters in itertools.product(string.ascii_lowercase, repeat=length):
            yield prefix + "".join(letters)


def _names(tree: ast.AST) -> Iterator[str]:
    """Every identifier in a tree."""
    for node in ast.walk(tree):
        for value in vars(node).values():
            if isinstance(value, str) and not isinstance(node, ast.Constant):
                yield value


class _Linker(ast.NodeTransformer):
    """Puts constants in place and renames what the tables of its own and the imported modules say."""

    def __init__(self, name: str, package: str, constants: dict[str, dict[str, int]],
                 short: dict[str, dict[str, str]]) -> None:
        self.package, self.constants, self.short = package, constants, short
        self.fixed = dict(constants[name])   # names here -> number
        self.names = dict(short[name])       # names here -> short name
        self.attributes = {old: new for old, new in short[name].items() if old.startswith("_")}
        self.modules: dict[str, str] = {}    # names here -> module of the package

    def visit_Module(self, node: ast.Module) -> ast.Module:
        imports = [part for part in ast.walk(node) if isinstance(part, ast.ImportFrom)]
        for part in imports:
            self._learn(part)
        self.generic_visit(node)
        return node

    def _learn(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            name = alias.asname or alias.name
            if node.module == self.package and alias.name in self.short:
                self.modules[name] = alias.name
            elif (node.module or "").startswith(self.package + "."):
                module = (node.module or "")[len(self.package) + 1:]
                if alias.name in self.constants[module]:
                    self.fixed[name] = self.constants[module][alias.name]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        module = (node.module or "")[len(self.package) + 1:]
        if (node.module or "").startswith(self.package + ".") and module in self.short:
            node.names = [
                ast.alias(self.short[module].get(alias.name, alias.name), self.names.get(name, name))
                for alias in node.names if alias.name not in self.constants[module]
                for name in (alias.asname or alias.name,)
            ]
        return node if node.names else None

    def visit_Try(self, node: ast.Try) -> ast.AST | None:
        match node.body:
            case [ast.ImportFrom("micropython", [ast.alias("const")])]:
                return None
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        match node.targets:
            case [ast.Name(name)] if name in self.fixed:
                return None
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        match node.value:
            case ast.Name(name) if name in self.modules:
                module = self.modules[name]
                if node.attr in self.constants[module]:
                    return ast.Constant(self.constants[module][node.attr])
                node.attr = self.short[module].get(node.attr, node.attr)
                return self.generic_visit(node)
        node.attr = self.attributes.get(node.attr, node.attr)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.fixed:
            return ast.Constant(self.fixed[node.id])
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = self.names.get(node.name, node.name) if node.name else None
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self.names.get(node.name, node.name)
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]
    visit_ClassDef = visit_FunctionDef  # type: ignore[assignment]


class _Parameters(ast.NodeTransformer):
    """Gives the parameters of each function short names that nothing else in the module has.

    Comes before the linker, which knows no scopes: a parameter may be called like a function of the module.
    """

    def __init__(self, taken: set[str]) -> None:
        self.words = [word for word in itertools.islice(_words(""), 200) if word not in taken]
        self.used = 0  # by the functions around

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        table = {arg.arg: self.words[self.used + i] for i, arg in enumerate(node.args.args)}
        for arg in node.args.args:
            arg.arg = table[arg.arg]
        body: list[ast.stmt] = node.body if isinstance(node.body, list) else [node.body]
        for part in (part for statement in body for part in ast.walk(statement)):
            if isinstance(part, ast.arg) and part.arg in table:
                raise SyntaxError(f"parameter {part.arg} of {getattr(node, 'name', 'lambda')} is hidden inside it")
            if isinstance(part, ast.Name) and part.id in table:
                part.id = table[part.id]
        self.used += len(table)
        self.generic_visit(node)
        self.used -= len(table)
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]
    visit_Lambda = visit_FunctionDef  # type: ignore[assignment]
