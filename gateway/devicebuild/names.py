"""What everything in a package is to be called."""

from __future__ import annotations

import ast
import itertools
import string
from collections.abc import Iterator, Sequence

from lamplighter.gateway.devicebuild.scan import Ambiguous, Module
from lamplighter.gateway.devicebuild.tuples import fields_of
from lamplighter.gateway.devicebuild.words import FOREIGN, WORDS

_MEANT = {"super"}
"""Words that MicroPython's compiler takes for what they usually are, whatever is called so."""

_PARAMETERS = 30
"""Parameters of a function and of those around it."""


class Names:
    """Short names by module in ``short``, constants by module in ``constants``; ``attributes`` that are renamed
    whatever they are of, and those ``private`` to a class, by (module, class); words for ``parameters``.

    An attribute is renamed when the package's classes have it and nothing else that the package meets can have it:
    nothing that MicroPython makes, nothing seen to be of another package, no class that is derived from another, no
    named tuple; and when no text reaches it. One that begins with ``_`` and is reached through ``self`` alone, in
    classes that have it, is the class's own.
    """

    def __init__(self, modules: dict[str, Module], together: Sequence[str], keep: frozenset[str]) -> None:
        self.package = next(iter(modules.values())).package
        self.together = frozenset(together)
        self.constants = {name: {word: value for word, value in module.constants.items() if word not in keep}
                          for name, module in modules.items()}
        taken = {word for module in modules.values() for word in _identifiers(module.tree)}
        stay = keep.union(*self.constants.values(), *(module.imported for module in modules.values()))
        self.parameters = list(itertools.islice(_words(taken), _PARAMETERS))
        shared = _words(taken.union(self.parameters))
        self.short: dict[str, dict[str, str]] = {}
        for name in sorted(modules, key=lambda name: name not in together):
            mine = [old for old in modules[name].defined if old not in stay]
            self.short[name] = dict(zip(mine, shared, strict=False))
        self._one_meaning(modules, stay)
        self._attributes(modules, keep)

    def _one_meaning(self, modules: dict[str, Module], stay: frozenset[str]) -> None:
        """Raises Ambiguous where two modules that become one mean different things by a name that stays."""
        meant: dict[str, set[str]] = {}
        for module in (modules[name] for name in sorted(self.together)):
            mine = stay.intersection(module.defined).difference(self.constants[module.name])
            means = {**module.imported, **{word: {f"{module.package}.{module.name}"} for word in mine}}
            for word, of in means.items():
                if meant.setdefault(word, of) != of:
                    raise Ambiguous(module.name, module.tree, f"{word} is also something else in the same heap")

    def _attributes(self, modules: dict[str, Module], keep: frozenset[str]) -> None:
        owned = {(name, of): list(mine) for name, module in modules.items() for of, mine in module.classes.items()}
        here = [(name, module, of) for name, module in modules.items() for of in module.classes]
        inherited = {word for name, module, of in here if of in module.derived for word in owned[name, of]}
        fields = {word for module in modules.values() for name, words in fields_of(module.tree).items()
                  for word in words}
        stay = keep.union(inherited, fields, *(module.texts for module in modules.values()))
        foreign = FOREIGN.union(*(module.foreign for module in modules.values()))
        elsewhere = foreign.difference(FOREIGN).union(*(module.reached for module in modules.values()))
        elsewhere = elsewhere.union(*(module.through_self.get(of, set()) - set(owned[name, of])
                                      for name, module, of in here))
        private = {at: [word for word in mine if word.startswith("_") and not word.startswith("__")
                        and word not in stay | elsewhere] for at, mine in owned.items()}
        own = {word for mine in private.values() for word in mine}
        public = {word: None for mine in owned.values() for word in mine
                  if word not in own and word not in stay | foreign and not word.startswith("__")}
        reached = {node.attr for module in modules.values() for node in ast.walk(module.tree)
                   if isinstance(node, ast.Attribute)}.union(*owned.values())
        self.attributes = dict(zip(public, _words(reached), strict=False))
        reached |= set(self.attributes.values())
        self.private = {at: dict(zip(mine, _words(reached), strict=False)) for at, mine in private.items()}

    def module(self, dotted: str | None) -> str | None:
        """The module of the package that ``dotted`` is."""
        name = (dotted or "").removeprefix(self.package + ".")
        return name if name != dotted and name in self.short else None


def _words(taken: set[str]) -> Iterator[str]:
    """Short names that are not taken: words that cost nothing, and when there are no more, letters."""
    letters = ("_" + "".join(word) for n in itertools.count(1)
               for word in itertools.product(string.ascii_lowercase, repeat=n))
    return (word for word in itertools.chain(WORDS, letters) if word not in taken | _MEANT)


def _identifiers(tree: ast.AST) -> Iterator[str]:
    """Every identifier in a tree that is not an attribute."""
    for node in ast.walk(tree):
        for value in vars(node).values():
            if isinstance(value, str) and not isinstance(node, ast.Constant | ast.Attribute):
                yield value
