"""Device code as MicroPython wants it: what it never runs goes, what costs heap is put otherwise."""

from __future__ import annotations

import ast

from lamplighter.gateway.devicebuild.scan import binds
from lamplighter.gateway.devicebuild.words import FOREIGN

_INTERNED = 10
"""Letters of the longest text that MicroPython keeps for ever when it is a constant (py/mpconfig.h)."""

_MANY = 6
"""Short texts in a function from which on it pays to make one of them."""


def absolute(tree: ast.Module, package: str) -> ast.Module:
    """``tree``, a module of ``package``, with imports from that package written out, so that there is one form."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            node.module, node.level = f"{package}.{node.module}" if node.module else package, 0
    return tree


def for_micropython(tree: ast.Module) -> ast.Module:
    """``tree`` with every ``sys.implementation.name == "micropython"`` (or ``!=``) decided, without annotations, and
    without words in exceptions, which a device tells nobody. Lists are made by loops: a comprehension is one more
    function. Displays of dictionaries name their keys in one text.
    """
    made: ast.Module = _Target().visit(tree)
    for node in list(ast.walk(made)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            _Loops(node).unroll(node)
    return ast.fix_missing_locations(made)


class _Target(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        if ast.unparse(node.test) == "sys.implementation.name != 'micropython'":
            return node.orelse
        return node.body if _asks_for_micropython(node.test) else node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        return node.body if _asks_for_micropython(node.test) else node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        match node.exc:
            case ast.Call(ast.Name() as kind, [ast.Constant(str())]):
                node.exc = kind
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        self.generic_visit(node)
        keys = [key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
        if len(keys) < max(2, len(node.keys)) or any(key.split() != [key] for key in keys):
            return node
        names = ast.Call(ast.Attribute(ast.Constant(" ".join(keys)), "split", ast.Load()), [], [])
        pairs = ast.Call(ast.Name("zip", ast.Load()), [names, ast.Tuple(node.values, ast.Load())], [])
        return ast.copy_location(ast.Call(ast.Name("dict", ast.Load()), [pairs], []), node)


def _asks_for_micropython(test: ast.expr) -> bool:
    return ast.unparse(test) == "sys.implementation.name == 'micropython'"


class _Loops(ast.NodeTransformer):
    """Makes loops of list comprehensions that a function assigns or returns."""

    def __init__(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.names = [name for node in ast.walk(function) for name in binds(node) | (
            {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) else set())]
        self.stored = [name for node in ast.walk(function) for name in binds(node)]

    def unroll(self, function: ast.AST) -> None:
        """The function's own statements; those of functions inside it are theirs."""
        self.generic_visit(function)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]
    visit_ClassDef = visit_FunctionDef  # type: ignore[assignment]

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.stmt]:
        match node:
            case ast.Assign([ast.Name(name)], ast.ListComp(made, [ast.comprehension(is_async=0) as part]) as value):
                inside = [inner.id for inner in ast.walk(value) if isinstance(inner, ast.Name)]
                if self.stored.count(name) == 1 and name not in inside and self._alone(value):
                    return _loop(node, name, made, part)
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST | list[ast.stmt]:
        match node.value:
            case ast.ListComp(made, [ast.comprehension(is_async=0) as part]) as value if self._alone(value):
                node.value = ast.Name("_made", ast.Load())
                return [*_loop(node, "_made", made, part), node]
        return node

    def _alone(self, value: ast.ListComp) -> bool:
        """Whether the variables of a comprehension have names that nothing else in the function has."""
        inner = ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
        names = [part.id for part in ast.walk(value) if isinstance(part, ast.Name)]
        mine = {name for part in ast.walk(value.generators[0].target) for name in binds(part)}
        return all(self.names.count(name) == names.count(name) for name in mine) and not any(
            isinstance(part, inner) for part in ast.walk(value) if part is not value)


def _loop(at: ast.stmt, name: str, made: ast.expr, part: ast.comprehension) -> list[ast.stmt]:
    append = ast.Attribute(ast.Name(name, ast.Load()), "append", ast.Load())
    body: ast.stmt = ast.Expr(ast.Call(append, [made], []))
    for condition in reversed(part.ifs):
        body = ast.If(condition, [body], [])
    loop = ast.For(part.target, part.iter, [body], [])
    first = ast.Assign([ast.Name(name, ast.Store())], ast.List([], ast.Load()))
    return [ast.copy_location(first, at), ast.copy_location(loop, at)]


def unnamed_classes(tree: ast.Module) -> None:
    """Has classes forget what they are called and where they are from: nobody asks, and it is in the heap of each."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names = [ast.Name(word, ast.Del()) for word in ("__module__", "__qualname__")]
            node.body.insert(0, ast.Delete(list[ast.expr](names)))


def texts_in_one(tree: ast.Module) -> None:
    """Makes one text of the short ones that a function has, where there are many: as constants they would stay in the
    heap when the module leaves it.
    """
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            texts = _Texts()
            texts.collect(node)
            if len(texts.found) >= _MANY:
                texts.replace = True
                texts.collect(node)
                split = ast.Call(ast.Attribute(ast.Constant(" ".join(texts.found)), "split", ast.Load()), [], [])
                node.body.insert(0, ast.Assign([ast.Name("_texts", ast.Store())], split))


class _Texts(ast.NodeTransformer):
    """The texts of a function's own statements; with ``replace`` each becomes a part of ``_texts``."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.replace = False

    def collect(self, function: ast.FunctionDef) -> None:
        function.body = [self.visit(node) for node in function.body]

    def visit_FunctionDef(self, node: ast.AST) -> ast.AST:
        return node

    visit_AsyncFunctionDef = visit_Lambda = visit_ClassDef = visit_JoinedStr = visit_FunctionDef

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        text = node.value
        if not isinstance(text, str) or text.split() != [text] or len(text) > _INTERNED or text in FOREIGN:
            return node
        if not self.replace:
            self.found += [text] if text not in self.found else []
            return node
        return ast.Subscript(ast.Name("_texts", ast.Load()), ast.Constant(self.found.index(text)), ast.Load())
