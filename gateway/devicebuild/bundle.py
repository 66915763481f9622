"""Modules that are always loaded together as one, without what nobody uses.

In the heap of a board every module has a dictionary of globals, a table of names and constants, and an entry for
each name that it takes from a neighbour.
"""

from __future__ import annotations

import ast
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from lamplighter.gateway.devicebuild.makers import MAKERS, lift
from lamplighter.gateway.devicebuild.scan import binds, is_fixed
from lamplighter.gateway.devicebuild.splice import Once, splice


def join(trees: dict[str, ast.Module], package: str, together: Sequence[str], keep: frozenset[str],
         methods: Iterable[Once] | None = None, lend: str = "") -> None:
    """Makes one module, ``__init__``, of itself and ``together``, in which each name means one thing. What is used
    by just one module of the others moves there: it leaves the heap with it. What nobody uses goes. Where there are
    ``methods``, they and functions are put where they are called. Where ``lend`` is its function that lends modules,
    what makes objects becomes one more of those.
    """
    whole = trees["__init__"]
    seen: set[str] = set()
    for node in (node for name in together for node in trees.pop(name).body):
        text = ast.dump(node)
        if not isinstance(node, ast.Import | ast.ImportFrom) or text not in seen:
            whole.body.append(node)
        seen.add(text)
    others = [tree for name, tree in trees.items() if name != "__init__"]
    once = Counter(name for node in whole.body for name in _binds(node))
    keep = keep | {name for name in once if name.startswith("__") or once[name] > 1}
    outside = set().union(*(_taken(other, package) for other in others)) | keep
    counts = Counter(part.id for part in ast.walk(whole) if isinstance(part, ast.Name))
    for node in reversed(whole.body):
        if not _binds(node) & outside and all(counts[name] < 3 for name in _binds(node)):
            _inline(node, whole)
    if methods is not None:
        splice(whole, methods, frozenset(outside))
    if lend:
        bound: frozenset[str] = frozenset().union(*(_binds(node) for node in whole.body))
        trees[MAKERS] = lift(whole, lend, package, frozenset(outside), bound)
        others.append(trees[MAKERS])
    used = functools.cache(_used)  # what stays is not changed any more
    while [node for node in reversed(whole.body)
           if not _binds(node) & keep and _place(node, whole, others, package, used)]:
        pass


def _inline(node: ast.stmt, whole: ast.Module) -> bool:
    """Puts a constant, or a function that is one expression, where it is used, when that is one place."""
    uses = [part for part in ast.walk(whole) if isinstance(part, ast.Name) and {part.id} == _binds(node)
            and isinstance(part.ctx, ast.Load)]
    if len(uses) != 1:
        return False
    match node:
        case ast.Assign(value=ast.Constant() as value):
            whole.body.remove(node)
            _Replace(uses[0], value).visit(whole)
            return True
        case ast.FunctionDef(args=arguments, body=[ast.Return(ast.expr() as value)]):
            calls = (part for part in ast.walk(whole) if isinstance(part, ast.Call))
            call = next((part for part in calls if part.func is uses[0]), None)
            names = [arg.arg for arg in arguments.args]
            if call and ast.unparse(arguments) == ", ".join(names) and len(call.args) == len(names):
                table = dict(zip(names, call.args, strict=True))
                if _stays_the_same(value, table) and not _hides(call, _used(value).difference(names), whole):
                    whole.body.remove(node)
                    _Replace(call, _Arguments(table).visit(value)).visit(whole)
                    return True
    return False


def _stays_the_same(value: ast.expr, table: dict[str, ast.expr]) -> bool:
    """Whether the expression ``value`` of a function gives the same with the arguments in ``table`` in it.

    Names and constants may be evaluated later than before, or twice; parts of one too when nothing is called until
    all of them have been.
    """
    within = list(ast.walk(value))
    if any(isinstance(part, _SCOPES) for part in within):
        return False
    if not all(_is_plain(part) for part in table.values()):
        return False
    parts = [name for name, part in table.items() if not isinstance(part, ast.Name | ast.Constant)]
    order = [part for part in _evaluated(value) if isinstance(part, ast.Call)
             or (isinstance(part, ast.Name) and part.id in parts)]
    last = max((i for i, part in enumerate(order) if isinstance(part, ast.Name)), default=-1)
    return not any(isinstance(part, ast.Call) for part in order[:last])


_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Await, ast.Yield, ast.YieldFrom,
           ast.NamedExpr)


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of an expression, each after its own parts: a call comes after its arguments."""
    for part in ast.iter_child_nodes(node):
        yield from _evaluated(part)
    yield node


def _hides(call: ast.Call, names: set[str], whole: ast.Module) -> bool:
    """Whether one of ``names`` would mean something else where the call is."""
    around = [node for node in whole.body if any(part is call for part in ast.walk(node))]
    local = {name for node in around for part in ast.walk(node) for name in binds(part)}
    return bool(local & names)


def _is_plain(node: ast.expr) -> bool:
    """A name, a constant, or a part of one: nothing is done to evaluate it."""
    match node:
        case ast.Attribute(value=value) | ast.Subscript(value=value, slice=ast.Constant()):
            return _is_plain(value)
    return isinstance(node, ast.Name | ast.Constant)


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        made: ast.AST = self.new if node is self.old else super().visit(node)
        return made


class _Arguments(ast.NodeTransformer):
    def __init__(self, table: dict[str, ast.expr]) -> None:
        self.table = table

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.table.get(node.id, node)


def _place(node: ast.stmt, whole: ast.Module, others: Sequence[ast.Module], package: str,
           used: Callable[[ast.AST], set[str]]) -> bool:
    """Moves a statement that nothing in ``whole`` needs to its one user, drops it if there is none."""
    mine = _binds(node)
    if not mine or not _is_quiet(node) or any(mine & used(other) for other in whole.body if other is not node):
        return False
    users = [tree for tree in others if mine & _taken(tree, package)]
    if len(users) > 1 or (users and not _may_move(node, users[0])):
        return False
    whole.body.remove(node)
    if users:
        names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
        stored = {part.id for part in names if isinstance(part.ctx, ast.Store)}
        bound: set[str] = set().union(*(_binds(other) for other in whole.body)) - stored
        _Distant(bound - mine, package).visit(node)
        _Near(mine, package).visit(users[0])
        at = sum(isinstance(part, ast.Import | ast.ImportFrom) for part in users[0].body)
        users[0].body.insert(0 if isinstance(node, ast.Import | ast.ImportFrom) else at, node)
        if bound & _used(node):
            users[0].body.insert(0, ast.Import([ast.alias(package)]))
    return True


def _may_move(node: ast.stmt, user: ast.Module) -> bool:
    """Whether nothing of the statement lives on: it is no class, and a function which is only called, there, or a
    value that is the same at every time.
    """
    imported = frozenset(name for part in user.body if isinstance(part, ast.Import) for name in _binds(part))
    if isinstance(node, ast.Assign) and not is_fixed(node.value, imported):
        return False
    if isinstance(node, ast.ClassDef) or any(_is_function(part) for part in ast.walk(node) if part is not node):
        return False
    called = {id(part.func) for part in ast.walk(user) if isinstance(part, ast.Call)}
    mine = _binds(node)
    values = [part for part in ast.walk(user) if id(part) not in called and (
        (isinstance(part, ast.Attribute) and part.attr in mine) or (isinstance(part, ast.Name) and part.id in mine))]
    return not _is_function(node) or not values


def _is_quiet(node: ast.stmt) -> bool:
    """Whether nothing is done but to bind: it may be done at another time, or never."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            parts: list[ast.expr] = [*node.args.defaults, *node.decorator_list]
        case ast.ClassDef():
            parts = node.bases
        case ast.Assign():
            parts = [node.value]
        case _:
            return True
    calls = (inner for part in parts for inner in ast.walk(part) if isinstance(inner, ast.Call))
    return all(isinstance(call.func, ast.Name) and call.func.id == "getattr" for call in calls)


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


class _Distant(ast.NodeTransformer):
    """Reaches names through the package."""

    def __init__(self, names: set[str], package: str) -> None:
        self.names, self.package = names, package

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self.names:
            return node
        return ast.Attribute(ast.Name(self.package, ast.Load()), node.id, ast.Load())


class _Near(ast.NodeTransformer):
    """The opposite: the names are the module's own now."""

    def __init__(self, names: set[str], package: str) -> None:
        self.names, self.package = names, package
        self.aliases: dict[str, str] = {}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        if node.module == self.package:
            self.aliases.update({alias.asname or alias.name: alias.name for alias in node.names
                                 if alias.name in self.names})
            node.names = [alias for alias in node.names if alias.name not in self.names]
        return node if node.names else None

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id == self.package and node.attr in self.names:
            return ast.Name(node.attr, node.ctx)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.aliases.get(node.id, node.id)
        return node


def _used(node: ast.AST) -> set[str]:
    """Names read in a tree."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}


def _taken(tree: ast.AST, package: str) -> set[str]:
    """Names that a module takes from the package."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Name(name), attribute) if name == package:
                found.add(attribute)
            case ast.ImportFrom(module=name, names=names) if name == package:
                found.update(alias.name for alias in names)
    return found


def _binds(node: ast.stmt) -> set[str]:
    """What a statement binds, when binding is all that it does."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=[ast.Name(name)]):
            return {name}
        case ast.Import(names=[ast.alias(name, asname)]):
            return {(asname or name).split(".")[0]}
        case ast.ImportFrom(names=names):
            return {alias.asname or alias.name for alias in names}
    return set()
