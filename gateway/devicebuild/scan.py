"""What the source of a module says of names, read before anything is changed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

BY_NAME = frozenset({"getattr", "setattr", "hasattr", "delattr"})
"""Functions that reach an attribute by a text."""


class Ambiguous(Exception):
    """The packager would have to change what it cannot be sure of. The message is ``file:line: what``."""

    def __init__(self, module: str, node: ast.AST, what: str) -> None:
        super().__init__(f"{module}.py:{getattr(node, 'lineno', 0)}: {what}")


class Module:
    """A module of ``package``, whose modules are ``siblings``; imports of the package are absolute.

    ``defined``: its top-level names, in order; ``constants``: those that are a whole number for ever.
    ``aliases``: names here for siblings; ``imported``: names here for what imports from elsewhere may give;
    ``bound``: names that anything but an import binds; ``outside``: imported ones that are not bound too.
    ``classes``: attributes by class; ``derived``: classes that have a base. ``through_self``: attributes by class
    that its methods reach through ``self``; ``reached``: those reached through anything else, but for what is seen
    to be ``foreign``; ``texts``: names reached by a text.
    """

    def __init__(self, name: str, tree: ast.Module, package: str, siblings: frozenset[str]) -> None:
        self.name, self.tree, self.package = name, tree, package
        self.aliases: dict[str, str] = {}
        self.bound: set[str] = set()
        self.imported: dict[str, set[str]] = {}
        for node in ast.walk(tree):
            self.bound |= binds(node)
            match node:
                case ast.Import(names):
                    for alias in names:
                        here = alias.asname or alias.name.split(".")[0]
                        self.imported.setdefault(here, set()).add(alias.name if alias.asname else here)
                case ast.ImportFrom(module=module, names=names) if module == package:
                    self.aliases.update({alias.asname or alias.name: alias.name for alias in names
                                         if alias.name in siblings})
                case ast.ImportFrom(module=str(module), names=names) if not module.startswith(package + "."):
                    for alias in names:
                        self.imported.setdefault(alias.asname or alias.name, set()).add(f"{module}.{alias.name}")
        self.outside = frozenset(self.imported) - self.bound
        self.defined = _defined(tree)
        self.constants = _constants(tree)
        attributes = _Attributes(self.outside, frozenset(self.aliases))
        attributes.visit(tree)
        self.classes, self.derived = attributes.classes, attributes.derived
        self.through_self, self.reached = attributes.through_self, attributes.reached
        self.foreign, self.texts = attributes.foreign, attributes.texts


def binds(node: ast.AST) -> set[str]:
    """The name that a node, but no import, binds by itself."""
    match node:
        case ast.Name(name, ast.Store() | ast.Del()) | ast.arg(name) | ast.ExceptHandler(name=str(name)):
            return {name}
        case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
            return {name}
    return set()


def is_foreign(node: ast.expr, outside: frozenset[str], made: bool = True) -> bool:
    """Whether a value is seen to be of another package: a part of it, a literal, or (``made``) what it made."""
    match node:
        case ast.Name(name):
            return name in outside or name == "__import__"
        case ast.Attribute(value=value):
            return is_foreign(value, outside, made)
        case ast.Call(func=value) | ast.Await(value):
            return made and is_foreign(value, outside)
    return isinstance(node, ast.Constant | ast.JoinedStr)


def is_fixed(node: ast.expr, outside: frozenset[str]) -> bool:
    """Whether a value is the same whenever it is computed, and cannot be changed."""
    match node:
        case ast.Constant():
            return True
        case ast.Tuple(parts):
            return all(is_fixed(part, outside) for part in parts)
        case ast.BinOp(left, _, right):
            return is_fixed(left, outside) and is_fixed(right, outside)
        case ast.UnaryOp(operand=value):
            return is_fixed(value, outside)
        case ast.Name() | ast.Attribute():
            return is_foreign(node, outside)
        case ast.Call(ast.Name("getattr"), parts):
            return all(is_fixed(part, outside) for part in parts)
    return False


def top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those in ``if`` and ``try`` too."""
    for node in body:
        yield node
        for part in ("body", "orelse", "finalbody"):
            if isinstance(node, ast.If | ast.Try):
                yield from top_level(getattr(node, part, []))
        if isinstance(node, ast.Try):
            for handler in node.handlers:
                yield from top_level(handler.body)


def _defined(tree: ast.Module) -> dict[str, None]:
    """The module's top-level functions, classes and variables, in order."""
    mine: dict[str, None] = {}
    for node in top_level(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            mine[node.name] = None
        elif not isinstance(node, ast.If | ast.Try):
            mine.update({name: None for part in ast.walk(node) for name in sorted(binds(part))
                         if isinstance(part, ast.Name)})
    return {name: None for name in mine if not name.startswith("__")}


def _constants(tree: ast.Module) -> dict[str, int]:
    """Names in capitals that nothing binds but one statement of the module, to a whole number."""
    bound = [name for node in ast.walk(tree) for name in binds(node)]
    found: dict[str, int] = {}
    for node in tree.body:
        match node:
            case ast.Assign([ast.Name(name)], ast.Constant(int(value))) if name.isupper() and bound.count(name) == 1:
                found[name] = value
    return {name: value for name, value in found.items() if not isinstance(value, bool)}


class _Attributes(ast.NodeVisitor):
    """Reads who has and who reaches which attribute."""

    def __init__(self, outside: frozenset[str], aliases: frozenset[str]) -> None:
        self.outside, self.aliases = outside, aliases
        self.classes: dict[str, dict[str, None]] = {}
        self.derived: set[str] = set()
        self.through_self: dict[str, set[str]] = {}
        self.reached: set[str] = set()
        self.foreign: set[str] = set()
        self.texts: set[str] = set()
        self._self: str | None = None  # the class that ``self`` is an object of

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        mine = self.classes.setdefault(node.name, {})
        if node.bases:
            self.derived.add(node.name)
        for part in node.body:
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                mine[part.name] = None
        for part in node.body:
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                stored = any("self" in binds(inner) for inner in ast.walk(part) if isinstance(inner, ast.Name))
                first = part.args.args[0].arg if part.args.args else None
                self._inside(part, node.name if first == "self" and not stored and not part.decorator_list else None)
            else:
                self.visit(part)

    def _inside(self, node: ast.AST, of: str | None) -> None:
        before, self._self = self._self, of
        self.generic_visit(node)
        self._self = before

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.Lambda) -> None:
        hidden = any(arg.arg == "self" for arg in node.args.args)
        self._inside(node, None if hidden else self._self)

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]
    visit_Lambda = visit_FunctionDef

    def visit_Attribute(self, node: ast.Attribute) -> None:
        match node.value:
            case ast.Name("self") if self._self:
                self.through_self.setdefault(self._self, set()).add(node.attr)
                if isinstance(node.ctx, ast.Store):
                    self.classes[self._self][node.attr] = None
            case ast.Name(name) if name in self.aliases:
                return
            case value if is_foreign(value, self.outside):
                self.foreign.add(node.attr)
            case _:
                self.reached.add(node.attr)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        match node:
            case ast.Call(ast.Name(name), [_, ast.Constant(str(text)), *_]) if name in BY_NAME:
                self.texts.add(text)
        self.generic_visit(node)
