"""A kernel's one source: that of its file, or of its folder's parts joined.

A folder is a small package. Its ``__init__.py`` has ``run`` and takes from the other parts, as they do from each
other, by ``from .part import name``. Joined they stand in the order in which Python would load them, without these
lines and with one set of names. Devices, the gateway's recomputation and tests all run that one source.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

TOOLS = {"array", "struct", "micropython"}
"""What a kernel may import."""
_MAIN = "__init__"


class CompileError(Exception):
    """The file does not compile, parts make no kernel, or a board takes another ``.mpy``. The message says which."""


def kernel_source(path: Path) -> bytes:
    """The source of the kernel in the file or folder ``path``; the same parts give the same bytes.

    Raises OSError, and CompileError for parts that do not make one source.
    """
    if not path.is_dir():
        return path.read_bytes()
    parts: dict[str, _Part] = {}
    _add(path, _MAIN, (), parts)
    for file in sorted(path.glob("*.py")):
        if file.stem not in parts:
            raise CompileError(f"{file}: no part takes anything from it")
    _check(path, parts)
    tools = dict.fromkeys(line + "\n" for part in parts.values() for line in part.tools)
    return "".join([*tools, *(part.text for part in parts.values())]).encode()


def load(path: Path) -> ModuleType:
    """The kernel in ``path`` as a module of plain Python. Raises as `kernel_source`, and what the source raises."""
    return module_of(kernel_source(path), str(path))


def module_of(source: bytes, file: str = "kernel.py") -> ModuleType:
    """A kernel as a module of plain Python, which says that it is from ``file``. Raises what the source raises."""
    module = ModuleType(f"lamplighter_kernel_{Path(file).parent.name}")
    module.__file__ = file
    exec(compile(_in_place(source), file, "exec"), module.__dict__)  # noqa: S102 - a kind's own program
    return module


def plain(source: bytes) -> bytes:
    """A kernel's source for CPython, its constants in their places. Raises CompileError."""
    try:
        return ast.unparse(_in_place(source)).encode()
    except SyntaxError as error:
        raise CompileError(f"kernel.py, line {error.lineno}: {error.msg}") from None


def _in_place(source: bytes) -> ast.Module:
    tree = _Constants().visit(ast.parse(source))
    assert isinstance(tree, ast.Module)
    return tree


class _Constants(ast.NodeTransformer):
    """Puts the value of ``NAME = const(value)`` in place of the name, as MicroPython's compiler does."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        self.generic_visit(node)
        match node:
            case ast.Assign([ast.Name(name)], ast.Call(ast.Name("const"), [value])):
                self.values[name] = eval(ast.unparse(value), {})  # noqa: S307 - a kind's own program
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self.values:
            return ast.copy_location(ast.Constant(self.values[node.id]), node)
        return node


@dataclass(frozen=True, slots=True)
class _Part:
    """One file: its text without imports, the part that each name is taken from, its tools as line -> names."""

    text: str
    takes: dict[str, str]
    tools: dict[str, list[str]]


def _add(folder: Path, name: str, takers: tuple[str, ...], parts: dict[str, _Part]) -> None:
    """Puts the part into ``parts``, after those that it takes from; ``takers`` led here."""
    file = folder / f"{name}.py"
    if name in takers:
        raise CompileError(f"{file}: parts take from each other in a circle, by way of {takers[-1]}.py")
    if name in parts:
        return
    if not file.is_file():
        raise CompileError(f"{file}: there is no such part{f', {takers[-1]}.py takes from it' if takers else ''}")
    try:
        part = _read(file.read_text("utf-8"))
    except SyntaxError as error:
        raise CompileError(f"{file}, line {error.lineno}: {error.msg}") from None
    for other in dict.fromkeys(part.takes.values()):
        _add(folder, other, (*takers, name), parts)
    parts[name] = part


def _read(text: str) -> _Part:
    """Raises SyntaxError for what is no Python, and for imports that the joined source could not keep."""
    module = ast.parse(text)
    lines = text.splitlines(keepends=True)
    takes: dict[str, str] = {}
    tools: dict[str, list[str]] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import | ast.ImportFrom):
            above = node in module.body
            if isinstance(node, ast.ImportFrom) and node.level:
                takes |= _taken(node, above)
            elif not TOOLS.issuperset(_modules(node)):
                raise _at(node, f"imports {', '.join(_modules(node))}; a board may not have it")
            elif above:
                tools[ast.unparse(node)] = [alias.asname or alias.name for alias in node.names]
            if above:
                lines[node.lineno - 1:node.end_lineno] = [""] * len(lines[node.lineno - 1:node.end_lineno])
    rest = "".join(lines).rstrip("\n") + "\n"
    kept = ast.Module([node for node in module.body if not isinstance(node, ast.Import | ast.ImportFrom)], [])
    if ast.dump(ast.parse(rest)) != ast.dump(kept):
        raise _at(module.body[0], "an import stands on a line of its own")
    return _Part(rest, takes, tools)


def _taken(node: ast.ImportFrom, above: bool) -> dict[str, str]:
    odd = any(alias.asname or alias.name == "*" for alias in node.names)
    if odd or not above or node.level > 1 or not node.module or "." in node.module:
        raise _at(node, "from a part names are taken at the top of a file by `from .part import name`")
    return dict.fromkeys((alias.name for alias in node.names), node.module)


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]


def _at(node: ast.stmt, said: str) -> SyntaxError:
    return SyntaxError(said, (None, node.lineno, 0, None))


def _check(folder: Path, parts: dict[str, _Part]) -> None:
    """Whether each name means in the joined source what it means in its part. Raises CompileError."""
    tables = {name: symtable.symtable(part.text, name, "exec") for name, part in parts.items()}
    owners = dict.fromkeys((name for part in parts.values() for names in part.tools.values() for name in names), "")
    for part, table in tables.items():
        for name in _bound(table):
            if name in owners:
                raise CompileError(f"{folder / part}.py: {name} is a name of {owners[name] or 'an import'} already")
            owners[name] = part
    for part, table in tables.items():
        takes, tools = parts[part].takes, {name for names in parts[part].tools.values() for name in names}
        for name, other in takes.items():
            if owners.get(name) != other:
                raise CompileError(f"{folder / part}.py: {other}.py has no {name}")
        for name in _used(table):
            if owners.get(name, part) != part and name not in takes and name not in tools:
                raise CompileError(f"{folder / part}.py: {name} is not its own; say where it is taken from")


def _bound(table: symtable.SymbolTable) -> list[str]:
    return [one.get_name() for one in table.get_symbols() if one.is_assigned() or one.is_imported()]


def _used(table: symtable.SymbolTable) -> Iterator[str]:
    """Names of the module that are used anywhere in it."""
    yield from (one.get_name() for one in table.get_symbols() if table.get_type() == "module" or one.is_global())
    for inner in table.get_children():
        yield from _used(inner)
