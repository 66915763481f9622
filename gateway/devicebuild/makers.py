"""What is done once to each object when it is made, out of the heap after that: the ``__init__`` of classes."""

from __future__ import annotations

import ast

from lamplighter.gateway.devicebuild.scan import binds

MAKERS = "_makers"
"""The module that has them, under a name that no source has. It is in the heap only while something is made."""


def lift(whole: ast.Module, lend: str, package: str, outside: frozenset[str], bound: frozenset[str]) -> ast.Module:
    """Takes ``__init__`` out of each class of ``whole`` that is made in one place: there a function of the module
    that this returns does it, which ``lend`` has. ``outside``: names that others use; ``bound``: those of ``whole``.
    """
    made = ast.Module([], [])
    for node in [node for node in whole.body if isinstance(node, ast.ClassDef)]:
        uses = [part for part in ast.walk(whole) if isinstance(part, ast.Name) and part.id == node.name]
        calls = [part for part in ast.walk(whole) if isinstance(part, ast.Call) and part.func in uses]
        once = len(uses) == len(calls) == 1 and not node.bases and node.name not in outside and len(node.body) > 1
        begin = next((part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"
                      and not any(isinstance(inner, ast.Return) or binds(inner) - {"__init__"} & bound
                                  for inner in ast.walk(part))), None)
        if once and begin:
            node.body.remove(begin)
            begin.name = node.name
            begin.body.append(ast.Return(ast.Name(begin.args.args[0].arg, ast.Load())))
            made.body.append(begin)
            maker = ast.Call(ast.Name(lend, ast.Load()), [ast.Constant(MAKERS)], [])
            calls[0].args.insert(0, ast.Call(ast.Name(node.name, ast.Load()), [], []))
            calls[0].func = ast.Attribute(maker, node.name, ast.Load())
    _Inside(lend, package, bound).visit(made)
    made.body.insert(0, ast.Import([ast.alias(package)]))
    return made


class _Inside(ast.NodeTransformer):
    """Makers call each other by name, and reach everything else through the package."""

    def __init__(self, lend: str, package: str, bound: frozenset[str]) -> None:
        self.lend, self.package, self.bound = lend, package, bound

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        match node.value:
            case ast.Call(ast.Name(lend), [ast.Constant(word)]) if (lend, word) == (self.lend, MAKERS):
                return ast.Name(node.attr, node.ctx)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self.bound or not isinstance(node.ctx, ast.Load):
            return node
        return ast.Attribute(ast.Name(self.package, ast.Load()), node.id, ast.Load())
