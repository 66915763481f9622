"""Named tuples as plain ones: a place in a tuple needs no name, and no class."""

from __future__ import annotations

import ast

from lamplighter.gateway.devicebuild.scan import Ambiguous, Module
from lamplighter.gateway.devicebuild.words import FOREIGN


def fields_of(tree: ast.Module) -> dict[str, list[str]]:
    """The fields of each named tuple that a module defines, by its name."""
    found: dict[str, list[str]] = {}
    for node in tree.body:
        match node:
            case ast.Assign([ast.Name(name)], ast.Call(ast.Name("namedtuple"), [_, ast.Tuple(fields)])):
                found[name] = [str(ast.literal_eval(field)) for field in fields]
    return found


def plain_tuples(modules: dict[str, Module], keep: frozenset[str]) -> None:
    """Makes fields of named tuples places in plain ones, but for those that ``keep`` names.

    A field is told by its name, whatever it is a field of. Raises Ambiguous where something else has that name,
    and where a named tuple is used for anything but to make one.
    """
    tuples = {module.name: fields_of(module.tree) for module in modules.values()}
    taken = FOREIGN.union(
        *(module.foreign | module.texts for module in modules.values()),
        *(names for module in modules.values() for names in module.classes.values()),
        *(fields for found in tuples.values() for name, fields in found.items() if name in keep))
    for owner, found in tuples.items():
        for name, fields in found.items():
            if name not in keep:
                node = next(node for node in modules[owner].tree.body if isinstance(node, ast.Assign)
                            and ast.unparse(node.targets[0]) == name)
                both = sorted(taken.intersection(fields))
                if both:
                    raise Ambiguous(owner, node, f"{name}: something else has {', '.join(both)} too; "
                                                 f"rename it, or keep {name} as it is")
                taken = taken.union(fields)
                modules[owner].tree.body.remove(node)
                for module in modules.values():
                    _Plain(module, _called(module, owner, name), {word: i for i, word in enumerate(fields)}).visit(
                        module.tree)


def _called(module: Module, owner: str, name: str) -> frozenset[str]:
    """What ``name`` of ``owner`` is called in ``module``."""
    found = {name} if module.name == owner else set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module == f"{module.package}.{owner}":
            found |= {alias.asname or alias.name for alias in node.names if alias.name == name}
            node.names = [alias for alias in node.names if alias.name != name]
    return frozenset(found).union(f"{alias}.{name}" for alias, there in module.aliases.items() if there == owner)


class _Plain(ast.NodeTransformer):
    def __init__(self, module: Module, called: frozenset[str], places: dict[str, int]) -> None:
        self.module, self.called, self.places = module, called, places

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return node if node.names else None

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if ast.unparse(node.func) not in self.called:
            return self.generic_visit(node)
        given = [self.visit(part) for part in node.args]
        if len(given) == len(self.places) and not any(isinstance(part, ast.Starred) for part in given):
            return ast.Tuple(given, ast.Load())
        match given:
            case [ast.Starred(value)]:
                return value if _is_tuple(value) else ast.Call(ast.Name("tuple", ast.Load()), [value], [])
        raise Ambiguous(self.module.name, node, "a named tuple is made of all its fields or of one *value")

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.called:
            raise Ambiguous(self.module.name, node, f"{node.id} is not only called; keep it as it is")
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if ast.unparse(node) in self.called:
            raise Ambiguous(self.module.name, node, f"{ast.unparse(node)} is not only called; keep it as it is")
        self.generic_visit(node)
        if node.attr not in self.places:
            return node
        return ast.Subscript(node.value, ast.Constant(self.places[node.attr]), node.ctx)


def _is_tuple(node: ast.expr) -> bool:
    """Whether a value can be nothing but a tuple."""
    match node:
        case ast.BinOp(left, ast.Add(), right):
            return _is_tuple(left) or _is_tuple(right)
    return isinstance(node, ast.Tuple)
