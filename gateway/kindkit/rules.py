"""What a kernel may not do, read from its source, and a way to run it that sees every word it computes.

Kernels are integer programs that give the same bytes everywhere. In viper functions integers are machine words
(32 bits on boards, 64 on a PC), so every intermediate must fit 31 bits and a sign, and because ``ptr32`` loads
are unsigned on the one and signed on the other, what is stored through one must not be negative.
"""

from __future__ import annotations

import ast
from types import ModuleType
from typing import Any

from lamplighter.gateway.devicebuild.kernels import TOOLS

VIPER = "micropython.viper"
LIMIT = 1 << 31


class WordError(ArithmeticError):
    """A viper function left 31 bits and a sign, or stored a negative word. The text says where and what."""


def problems(source: str) -> list[str]:
    """Every breach of the rules that can be read from ``source``, a sentence each with its line."""
    try:
        module = ast.parse(source)
    except SyntaxError as error:
        return [f"line {error.lineno}: {error.msg}"]
    found = [f"line {node.lineno}: {said}" for node in ast.walk(module) for said in _breach(node)
             if hasattr(node, "lineno")]
    if not any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in module.body):
        found.append("there is no function run(data, contexts)")
    elif not any(isinstance(node, ast.Yield) for node in ast.walk(module)):
        found.append("nothing in it yields, so a device cannot slice it")
    return found


def _breach(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
        return [f"{node.value!r} is no integer"]
    if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
        return ["true division gives a float; use // or >>"]
    if isinstance(node, ast.Name) and node.id in ("float", "complex", "round"):
        return [f"{node.id} is not for kernels; integers only"]
    if isinstance(node, ast.Import):
        return [f"imports {alias.name}; a board may not have it" for alias in node.names if alias.name not in TOOLS]
    if isinstance(node, ast.ImportFrom) and node.module not in TOOLS:
        return [f"imports from {node.module}; a board may not have it"]
    return []


def watched(source: str, name: str = "kernel") -> ModuleType:
    """The kernel as a module whose viper functions raise WordError when a value leaves its word.

    Plain Python, some ten times slower than the kernel itself.
    """
    module = ast.fix_missing_locations(_Watch().visit(ast.parse(source)))
    made = ModuleType(name)
    made.__dict__.update(_word=_word, _stored=_stored)
    exec(compile(module, name, "exec"), made.__dict__)  # noqa: S102 - the kernel's own source, as loading it would
    return made


def viper_functions(source: str) -> list[str]:
    """Names of the functions that run as machine code."""
    return [node.name for node in ast.walk(ast.parse(source)) if _is_viper(node)]  # type: ignore[attr-defined]


def _is_viper(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and any(ast.unparse(one) == VIPER for one in node.decorator_list)


def _word(value: Any, line: int) -> Any:
    if isinstance(value, int) and not -LIMIT < value < LIMIT:
        raise WordError(f"line {line}: {value} needs more than 31 bits and a sign")
    return value


def _stored(value: Any, line: int) -> Any:
    if isinstance(value, int) and not 0 <= value < LIMIT:
        raise WordError(f"line {line}: {value} is stored; boards and PCs load negative words differently")
    return value


class _Watch(ast.NodeTransformer):
    """Wraps what viper functions compute and store."""

    def __init__(self) -> None:
        self._inside = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        outer, self._inside = self._inside, self._inside or _is_viper(node)
        node.body = [self.visit(part) for part in node.body]
        self._inside = outer
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return self._wrapped("_word", node) if self._inside else node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return self._wrapped("_word", node) if self._inside and not isinstance(node.op, ast.Not) else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        if self._inside and isinstance(node.targets[0], ast.Subscript):
            node.value = self._wrapped("_stored", node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """``a += b`` becomes ``a = a + b``, so that the sum is seen."""
        if not self._inside:
            self.generic_visit(node)
            return node
        loaded = ast.parse(ast.unparse(node.target), mode="eval").body
        whole = ast.Assign([node.target], ast.copy_location(ast.BinOp(loaded, node.op, node.value), node))
        made: ast.AST = self.visit(ast.copy_location(whole, node))
        return made

    @staticmethod
    def _wrapped(by: str, value: ast.expr) -> ast.expr:
        line = ast.Constant(getattr(value, "lineno", 0))
        return ast.copy_location(ast.Call(ast.Name(by, ast.Load()), [value, line], []), value)
