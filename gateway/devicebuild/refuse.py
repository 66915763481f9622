"""What the packager refuses: code that it would have to change without being able to tell what is meant."""

from __future__ import annotations

import ast
import builtins

from lamplighter.gateway.devicebuild.scan import BY_NAME, Ambiguous, Module, is_fixed, is_foreign, top_level
from lamplighter.gateway.devicebuild.words import FOREIGN

_SEES_NAMES = frozenset({"globals", "locals", "vars", "eval"})
_ASKS_FOR = frozenset({"__getattr__", "__getattribute__", "__setattr__", "__delattr__"})
_DECORATORS = frozenset({"classmethod", "property", "staticmethod"})


def refuse(modules: dict[str, Module], together: frozenset[str], lent: frozenset[str]) -> None:
    """Raises Ambiguous where a name is used in a way that the packager would not follow.

    ``together``: modules that become one; ``lent``: those that are in the heap only while they are used.
    """
    attributes = {name for module in modules.values() for names in module.classes.values() for name in names}
    for module in modules.values():
        _Names(module, modules, attributes).visit(module.tree)
        _Modules(module, modules, attributes, together).visit(module.tree)
        _Shapes(module).visit(module.tree)
    for module in (modules[name] for name in lent):
        for node in top_level(module.tree.body):
            value = node.value if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) else None
            if value and not is_fixed(value, module.outside):
                raise Ambiguous(module.name, node, "a module that leaves the heap after use cannot keep anything")


class _Names(ast.NodeVisitor):
    """Names that are looked for by a text: of parameters, attributes, variables."""

    def __init__(self, module: Module, modules: dict[str, Module], attributes: set[str]) -> None:
        self.module = module
        self.ours = attributes.union(*(other.defined for other in modules.values()))

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> None:
        raise Ambiguous(self.module.name, node, f"{', '.join(node.names)}: names of an outer scope are only read")

    visit_Nonlocal = visit_Global

    def visit_Call(self, node: ast.Call) -> None:
        if node.keywords and not self._takes_names(node.func):
            said = f"{ast.unparse(node.func)} is called with names of parameters, which are renamed"
            raise Ambiguous(self.module.name, node, said)
        match node:
            case ast.Call(ast.Name(name), given) if name in _SEES_NAMES or (name == "exec" and len(given) < 2):
                raise Ambiguous(self.module.name, node, f"{name} sees names")
            case ast.Call(ast.Name(name), [of, what, *_]) if name in BY_NAME and not isinstance(what, ast.Constant):
                of = of.value if isinstance(of, ast.Subscript) else of  # an entry of sys.modules
                if not is_foreign(of, self.module.outside):
                    raise Ambiguous(self.module.name, node, f"{name} with a name that is made at run time")
        self.generic_visit(node)

    def _takes_names(self, function: ast.expr) -> bool:
        """Whether what is called is certainly not of the package."""
        match function:
            case ast.Attribute(attr=name):
                return name not in self.ours or is_foreign(function, self.module.outside)
            case ast.Name(name):
                return name in self.module.outside or (hasattr(builtins, name) and name not in self.module.bound)
        return False


class _Modules(ast.NodeVisitor):
    """Modules of the package: where they are joined there is no such object."""

    def __init__(self, module: Module, modules: dict[str, Module], attributes: set[str],
                 together: frozenset[str]) -> None:
        self.module, self.modules, self.attributes, self.together = module, modules, attributes, together
        both = min(module.bound & set(module.aliases), default="")
        if both:
            node = next(node for node in ast.walk(module.tree) if both in {getattr(node, "id", 0),
                                                                           getattr(node, "arg", 0)})
            raise Ambiguous(module.name, node, f"{both} is a module and something else")

    def visit_Import(self, node: ast.Import) -> None:
        if any(alias.name.split(".")[0] == self.module.package for alias in node.names):
            raise Ambiguous(self.module.name, node, "modules of the package are imported with `from . import`")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if any(alias.name == "*" for alias in node.names):
            raise Ambiguous(self.module.name, node, "import * does not say what is taken")
        name = str(node.module).removeprefix(self.module.package + ".")
        if name != node.module and name in self.modules:
            for alias in node.names:
                self._has(node, self.modules[name], alias.name)
                fixed = alias.name in self.modules[name].constants
                if fixed and (alias.asname or alias.name) in self.module.bound:
                    raise Ambiguous(self.module.name, node, f"{alias.name} is a constant and something else")

    def _has(self, node: ast.AST, other: Module, name: str) -> None:
        if name not in other.defined and name not in other.outside:
            raise Ambiguous(self.module.name, node, f"{name} is not defined in {other.name}.py")

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self.module.aliases:
            raise Ambiguous(self.module.name, node, f"the module {node.id} is not used for what is in it")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        match node.value:
            case ast.Name(base) if base in self.module.aliases:
                other = self.modules[self.module.aliases[base]]
                self._has(node, other, node.attr)
                joined = {self.module.name, other.name} <= self.together
                if not isinstance(node.ctx, ast.Load) and (joined or node.attr in other.constants):
                    raise Ambiguous(self.module.name, node, f"{base}.{node.attr} is changed from outside")
                return
        owner = next((other.name for other in self.modules.values() if node.attr in other.defined), None)
        if owner and node.attr not in FOREIGN | self.attributes and not is_foreign(
                node.value, self.module.outside, made=False):
            said = f"{ast.unparse(node)}: if this is {node.attr} of {owner}.py, import it from there"
            raise Ambiguous(self.module.name, node, said)
        self.generic_visit(node)


class _Shapes(ast.NodeVisitor):
    """Functions and classes that are more than they look."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.decorators = module.outside | _DECORATORS - module.bound

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if node.keywords or node.decorator_list:
            raise Ambiguous(self.module.name, node, f"class {node.name} is made by something else")
        for part in node.body:
            match part:
                case ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
                    if name in _ASKS_FOR:
                        raise Ambiguous(self.module.name, part, f"{name} is given names")
                case ast.Pass() | ast.Expr(ast.Constant()):
                    pass
                case _:
                    raise Ambiguous(self.module.name, part, f"class {node.name} has more than methods")
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.args.kwonlyargs or node.args.kwarg or node.args.posonlyargs:
            raise Ambiguous(self.module.name, node, f"{node.name}: parameters have no names on a device")
        for decorator in node.decorator_list:
            if not is_foreign(decorator, self.decorators):
                raise Ambiguous(self.module.name, decorator, f"{node.name} is made by something else")
        self.visit_Lambda(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]

    def visit_Lambda(self, node: ast.FunctionDef | ast.Lambda) -> None:
        names = {arg.arg for arg in (*node.args.args, node.args.vararg) if arg}
        inside = node.body if isinstance(node.body, list) else [node.body]
        for part in (part for statement in inside for part in ast.walk(statement)):
            again = names & _binds_by_text(part)
            if again:
                raise Ambiguous(self.module.name, part, f"parameter {min(again)} is hidden inside its function")
        self.generic_visit(node)


def _binds_by_text(node: ast.AST) -> set[str]:
    match node:
        case ast.arg(name) | ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
            return {name}
        case ast.Import(found) | ast.ImportFrom(names=found):
            return {(alias.asname or alias.name).split(".")[0] for alias in found}
        case ast.ExceptHandler(name=str(name)):
            return {name}
    return set()
