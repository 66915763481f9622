"""Functions that are called in one place, put there: in the heap of a board each costs 90 bytes beside what it does.

A call is replaced where it is a statement, or all of the value that one assigns or returns, and where the function
has no scope inside it and ends where it returns. What was local to it is forgotten after it, as it would have been.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterable, Iterator

from lamplighter.gateway.devicebuild.scan import Module, binds
from lamplighter.gateway.devicebuild.words import FOREIGN

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp,
           ast.GeneratorExp, ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal)
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
Once = tuple[ast.FunctionDef, ast.expr]
"""A function and what is called where it is."""


def once(modules: dict[str, Module], keep: frozenset[str]) -> list[Once]:
    """Methods that are called in one place, each with what is called there.

    A name that begins with ``_`` is its class's own when ``self`` alone reaches it. Any other must be the name of
    nothing else: of no other class's method, and of nothing that MicroPython has.
    """
    found: list[Once] = []
    every = list(modules.values())
    uses = [(module, node) for module in every for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)]
    told = keep.union(*(module.foreign | module.texts for module in every))
    owners = Counter(word for module in every for mine in module.classes.values() for word in mine)
    for module in every:
        for of in (node for node in module.tree.body if isinstance(node, ast.ClassDef) and not module.derived):
            inside = {id(node) for node in ast.walk(of)}
            for method in (part for part in of.body if isinstance(part, ast.FunctionDef)):
                word = method.name
                here = [node for _, node in uses if node.attr == word]
                if word.startswith("_") and not any(word in other.reached for other in every):
                    here = [node for node in here if id(node) in inside]
                elif owners[word] > 1 or word in FOREIGN:
                    continue
                if len(here) == 1 and word not in told and not word.startswith("__"):
                    found.append((method, here[0]))
    return found


def splice(tree: ast.Module, methods: Iterable[Once], keep: frozenset[str] | None = None) -> None:
    """Puts methods, and with ``keep`` functions that it does not name, where ``tree`` calls them."""
    inside = {id(node) for node in ast.walk(tree)}
    left: list[Once] = [pair for pair in methods if id(pair[0]) in inside and id(pair[1]) in inside]
    bound = Counter(name for node in tree.body for part in ast.walk(node) for name in binds(part))
    for node in tree.body if keep is not None else ():
        if isinstance(node, ast.FunctionDef) and node.name not in (keep or ()) and bound[node.name] == 1:
            uses = [part for part in ast.walk(tree) if isinstance(part, ast.Name) and part.id == node.name]
            left += [(node, uses[0])] if len(uses) == 1 else []
    while left:
        pair = next((pair for pair in left if _is_last(pair, left, tree)), left[0])
        left.remove(pair)
        if _is_simple(pair[0]) and _put(*pair, tree.body):
            next(body for body in _bodies(tree) if pair[0] in body).remove(pair[0])


def _is_last(pair: Once, left: list[Once], tree: ast.Module) -> bool:
    """Whether nothing else is to be put into a function or among what it is called with: what is local to two would
    be so at the same time, under the same names.
    """
    uses = {id(use) for _, use in left}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.func is pair[1]]
    given = [part for node in calls for part in node.args]
    return not any(id(part) in uses for node in (pair[0], *given) for part in ast.walk(node))


def _bodies(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    yield tree.body
    yield from (node.body for node in tree.body if isinstance(node, ast.ClassDef))


def _is_simple(node: ast.FunctionDef) -> bool:
    given = node.args
    return not (node.decorator_list or given.defaults or given.vararg or given.kwarg or given.kwonlyargs
                or given.posonlyargs or any(isinstance(part, _SCOPES) for part in ast.walk(node) if part is not node))


def _put(node: ast.FunctionDef, use: ast.expr, body: list[ast.stmt]) -> bool:
    """Puts the body of a function in place of its only use; False where that cannot be done."""
    for function, statements in ((one, own) for one in _functions(body) if one is not node
                                 for own in _lists(one.body)):
        for at, statement in enumerate(statements):
            call = statement.value if isinstance(statement, ast.Expr | ast.Assign | ast.Return) else None
            if isinstance(call, ast.Call) and call.func is use:
                made = _body(node, call, statement, function)
                if made:
                    statements[at:at + 1] = made
                return bool(made)
    return False


def _functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """Functions and methods that are no generators: what these hold they would hold on to for long."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node.body)
        elif isinstance(node, ast.FunctionDef) and not any(isinstance(part, ast.Yield | ast.YieldFrom)
                                                           for part in ast.walk(node)):
            yield node


def _lists(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Each list of statements that a function has of its own."""
    yield body
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for part in ("body", "orelse", "finalbody"):
                yield from _lists(getattr(node, part, []))
            for handler in getattr(node, "handlers", []):
                yield from _lists(handler.body)


def _body(node: ast.FunctionDef, call: ast.Call, statement: ast.stmt, function: ast.FunctionDef) -> list[ast.stmt]:
    """What stands for the call in ``statement`` of ``function``; nothing where that cannot be done."""
    names = [arg.arg for arg in node.args.args]
    given = [*([call.func.value] if isinstance(call.func, ast.Attribute) else []), *call.args]
    local = {name for part in ast.walk(function) for name in binds(part)}
    bound = {name for part in node.body for inner in ast.walk(part) for name in binds(inner)}
    used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    if call.keywords or len(given) != len(names) or any(isinstance(part, ast.Starred) for part in given) or (
            used - bound).difference(names) & local:
        return []
    table: dict[str, ast.expr] = {}
    before: list[ast.stmt] = []
    for name, value in zip(names, given, strict=True):
        if name not in bound and (isinstance(value, ast.Constant) or (
                isinstance(value, ast.Name) and value.id in local)):
            table[name] = value
        else:
            table[name] = ast.Name(f"_own{len(before)}", ast.Load())
            before.append(ast.Assign([ast.Name(f"_own{len(before)}", ast.Store())], value))
    own = [f"_own{n}" for n in range(len(before))]
    for name in sorted(bound.difference(names)):
        table[name] = ast.Name(f"_own{len(own)}", ast.Load())
        own.append(f"_own{len(own)}")
    ended = _ended([_Renamed(table).visit(part) for part in copy.deepcopy(node.body)], statement)
    if ended is None:
        return []
    made = [*before, *ended]
    if own and not isinstance(statement, ast.Return) and statement is not function.body[-1]:
        made.append(ast.Assign([ast.Name(name, ast.Store()) for name in own], ast.Constant(None)))
    return made or [ast.Pass()]


def _ended(body: list[ast.stmt], statement: ast.stmt) -> list[ast.stmt] | None:
    """``body`` as it ends in place of ``statement``; None where it returns from amid a loop."""
    if isinstance(statement, ast.Return):
        return body if _leaves(body) else [*body, ast.Return(ast.Constant(None))]
    made: list[ast.stmt] = []
    for at, node in enumerate(body):
        rest = body[at + 1:]
        if isinstance(node, ast.Return):
            return made + _left(node.value, statement)
        if not any(isinstance(part, ast.Return) for part in ast.walk(node)):
            made.append(node)
            continue
        if not isinstance(node, ast.If) or not (_leaves(node.body) or _leaves(node.orelse) or not rest):
            return None
        first = _ended(node.body if _leaves(node.body) else node.body + rest, statement)
        second = _ended(node.orelse if _leaves(node.orelse) else node.orelse + rest, statement)
        if first is None or second is None or (not _leaves(node.body) and not _leaves(node.orelse) and rest):
            return None
        return [*made, ast.If(node.test, first or [ast.Pass()], second)]
    return made if _leaves(made) else made + _left(None, statement)


def _left(value: ast.expr | None, statement: ast.stmt) -> list[ast.stmt]:
    """What is done with a value instead of returning it."""
    if isinstance(statement, ast.Assign):
        return [ast.Assign(copy.deepcopy(statement.targets), value or ast.Constant(None))]
    return [] if value is None or isinstance(value, ast.Constant | ast.Name) else [ast.Expr(value)]


def _leaves(body: list[ast.stmt]) -> bool:
    """Whether nothing after these statements is reached."""
    last = body[-1] if body else None
    return isinstance(last, _LEAVES) or (isinstance(last, ast.If) and _leaves(last.body) and _leaves(last.orelse))


class _Renamed(ast.NodeTransformer):
    def __init__(self, table: dict[str, ast.expr]) -> None:
        self.table = table

    def visit_Name(self, node: ast.Name) -> ast.AST:
        value = self.table.get(node.id)
        if value is None:
            return node
        return ast.Name(value.id, node.ctx) if isinstance(value, ast.Name) else value

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        value = self.table.get(node.name or "")
        node.name = value.id if isinstance(value, ast.Name) else node.name
        return self.generic_visit(node)
