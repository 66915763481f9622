"""Makes a package of device code smaller in memory, without changing what it does.

MicroPython keeps the name of every parameter, attribute and module-level object of an ``.mpy`` in the heap,
and each constant of a module in a dictionary. So modules that are always loaded together become one,
whole-number constants are put where they are used, and names that nothing outside the package can see are
replaced by words that every MicroPython has in its read-only memory anyway.
"""

from __future__ import annotations

import ast
import itertools
import string
from collections.abc import Iterable, Iterator, Sequence

from lamplighter.gateway.devicebuild.bundle import absolute, for_micropython, join, plain_tuples

_TABLE = """ArithmeticError AssertionError BaseException Ellipsis GeneratorExit IndentationError IndexError
KeyboardInterrupt LookupError NameError NoneType NotImplementedError OverflowError RuntimeError SyntaxError
TypeError ZeroDivisionError abs all any append args bool bytearray bytecode bytes callable chr clear close
copy count dict dir divmod end endswith eval exec extend find format from_bytes get getattr globals hasattr
hash id index insert int isalpha isdigit isinstance islower isspace issubclass isupper items iter join key
keys len list little locals lower lstrip map next object open ord pop popitem pow print range read readinto
readline remove replace repr reverse rfind rindex round rsplit rstrip send sep set setattr setdefault sort
sorted split start startswith step stop str strip sum super throw to_bytes tuple type update upper value
values write zip deque dumps loads hexlify unhexlify pack unpack calcsize pack_into unpack_from collect
threshold mem_free mem_alloc poll ipoll register unregister modify sha256 digest ticks_add sleep_ms
getrandbits randint path argv modules version platform implementation errno difference union discard
partition center recv sendto bind accept listen fileno seek tell flush readlines mkdir rmdir rename listdir
ilistdir statvfs chdir getcwd"""
WORDS = _TABLE.split()
"""Words that MicroPython has in read-only memory: those up to ``zip`` have fixed numbers in the ``.mpy`` format
(MicroPython, py/makeqstrdata.py), the others are of modules that a device needs. A board that lacks one stores it.
"""


_PARAMETERS = 30
"""Parameters of a function and of those around it."""


def shrink(sources: dict[str, str], package: str, keep: frozenset[str],
           together: Sequence[str] = (), lent: frozenset[str] = frozenset()) -> dict[str, str]:
    """The modules of ``package`` by name (``mac``, ``wire``, ...), rewritten for MicroPython.

    ``keep``: names that others use, or use of theirs. ``together``: modules that become the package's own,
    ``__init__``, each after those that it imports. ``lent``: names of modules' objects that are reached as
    attributes, and of nothing else. The package must not call its own functions with keyword
    arguments. Raises SyntaxError.
    """
    trees = {name: for_micropython(absolute(ast.parse(text), package)) for name, text in sources.items()}
    plain_tuples(list(trees.values()))
    names = _Names(trees, package, keep, frozenset(together), lent)
    for name, tree in trees.items():
        _Parameters(names.parameters).visit(tree)
        _Linker(name, names).visit(tree)
    if together:
        join(trees, package, together, keep)
    return {name: ast.unparse(ast.fix_missing_locations(tree)) for name, tree in trees.items()}


class _Names:
    """What everything is to be called: short names and constants by module, and the attributes of the package."""

    def __init__(self, trees: dict[str, ast.Module], package: str, keep: frozenset[str],
                 together: frozenset[str], lent: frozenset[str]) -> None:
        self.package, self.together = package, together
        self.constants = {name: _constants(tree) for name, tree in trees.items()}
        reached = {node.attr for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        taken = {word for tree in trees.values() for word in _identifiers(tree)}
        stay = keep.union(*self.constants.values(), *(_foreign(tree, package) for tree in trees.values()))
        self.parameters = list(itertools.islice(_words(taken), _PARAMETERS))
        taken |= set(self.parameters)
        shared = _words(taken)
        self.short: dict[str, dict[str, str]] = {}
        for name in sorted(trees, key=lambda name: name not in together):
            mine = [old for old in _defined(trees[name]) if old not in stay]
            self.short[name] = dict(zip(mine, shared, strict=False))
        public, private = _attributes(trees.values(), keep)
        self.attributes = dict(zip(public, _words(reached), strict=False))
        for table in self.short.values():
            self.attributes.update({old: new for old, new in table.items() if old in lent})
        reached |= set(self.attributes.values())
        self.private = {name: dict(zip(mine, _words(reached), strict=False)) for name, mine in private.items()}

    def module(self, dotted: str | None) -> str | None:
        """The module of the package that ``dotted`` is."""
        name = (dotted or "").removeprefix(self.package + ".")
        return name if name != dotted and name in self.short else None


def _constants(tree: ast.Module) -> dict[str, int]:
    """Names bound once, at module level, to ``const(number)``."""
    found: dict[str, int] = {}
    for node in tree.body:
        match node:
            case ast.Assign([ast.Name(name)], ast.Call(ast.Name("const"), [ast.Constant(int(value))])):
                found[name] = value
    return found


def _defined(tree: ast.Module) -> dict[str, None]:
    """The module's top-level functions, classes and variables."""
    mine: dict[str, None] = {}
    for node in _top_level(tree.body):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                mine[name] = None
            case ast.Assign(targets=[ast.Name(name)]) if not name.startswith("__"):
                mine[name] = None
    return mine


def _foreign(tree: ast.Module, package: str) -> set[str]:
    """Names imported from elsewhere. One may also be defined here, where the import fails: it has to match."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom)
                                            and not str(node.module).startswith(package)):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _attributes(trees: Iterable[ast.Module], keep: frozenset[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Public methods and attributes of the package's classes, and private ones by class. Not those of classes that
    are derived from another: what is inherited has names of its own.
    """
    public: dict[str, None] = {}
    private: dict[str, list[str]] = {}
    inherited: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        found = {part.name: None for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)}
        for part in ast.walk(node):
            match part:
                case ast.Attribute(ast.Name("self"), name, ast.Store()):
                    found[name] = None
        if node.bases:
            inherited.update(found)
        else:
            public.update({name: None for name in found if not name.startswith("_")})
            private[node.name] = [name for name in found if name.startswith("_") and not name.startswith("__")]
    return [name for name in public if name not in inherited.union(keep, WORDS)], private


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


def _words(taken: set[str]) -> Iterator[str]:
    """Short names that are not taken: words that cost nothing, and when there are no more, letters."""
    letters = ("_" + "".join(word) for n in itertools.count(1)
               for word in itertools.product(string.ascii_lowercase, repeat=n))
    return (word for word in itertools.chain(WORDS, letters) if word not in taken)


def _identifiers(tree: ast.AST) -> Iterator[str]:
    """Every identifier in a tree that is not an attribute."""
    for node in ast.walk(tree):
        for value in vars(node).values():
            if isinstance(value, str) and not isinstance(node, ast.Constant | ast.Attribute):
                yield value


class _Linker(ast.NodeTransformer):
    """Puts constants in place and renames what the tables of its own and the imported modules say."""

    def __init__(self, name: str, names: _Names) -> None:
        self.all = names
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
        self.attributes = {**self.all.attributes, **self.all.private.get(node.name, {})}
        node.name = self.names.get(node.name, node.name)
        for part in node.body:
            if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                part.name = self.attributes.get(part.name, part.name)
                self.generic_visit(part)
            else:
                self.visit(part)
        self.attributes = self.all.attributes
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
