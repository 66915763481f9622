"""What a reader understands, what it may leave aside and why: one allow-list for every format.

A reader names each table, element and attribute that it knows, in one ``Part`` for each place where names stand: the
document with its tables or elements, each table with its columns, each element with its attributes. Whatever is
found beside these is refused by name, or told in the notes of the answer where it cannot change it::

    EDGE = Part("<edge>", reads={"id", "from", "to"}, skips={"shape": "for drawings", "vis*": "likewise"},
                tells={"priority": "signals decide here"}, refuses={"rail": "trains are not modelled"},
                only={"function": (("", "normal"), "inner lanes are read elsewhere")})

    left = Left(asked.accept)                              # one for each document
    EDGE.sift(element.attributes, "/sumo/network_xml", left, f"line {element.line}: ")
    left.out("route", "no signal on it", name)             # whatever else is not taken into account
    Spec(..., notes=left.notes())                          # sentences for the answer

A name that ends in ``*`` stands for all that begin so. Nothing (null, NaN, an empty text, list or table) is as good
as absent. What a ``Part`` does not name raises ``not_understood``; an operator who knows that it means nothing here
says ``"accept": ["not_understood"]`` and has it in the notes. Where additions are no part of the question (an entity
may have any attribute), the part is ``open``: they are told. What is known and cannot be taken is ``unsupported``,
whatever is accepted. A model has the field as ``accept: list[Finding] = Field(default=[], description=ACCEPT)``.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from lamplighter.tasks.api import TaskError

Finding = Literal["not_understood", "implausible", "missing_code", "swapped_axes", "silent", "old_reading",
                  "below_zero", "power_unit", "price_unit", "length_unit", "period_unit", "share_unit"]
"""What an operator may say is meant; ``implausible``: whatever looks wrong."""
ACCEPT = "findings about what was sent that are meant, such as missing_code: they are noted, not refused"
NAMES_SHOWN = 5
SENTENCES_MAX = 40
"""Different things told of one document; what is beyond them is counted."""


def escaped(name: str) -> str:
    """As a part of a JSON Pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def is_nothing(value: Any) -> bool:
    """Null, NaN, and an empty text, list or table: as good as absent."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value)) or (
        isinstance(value, (list, dict, tuple)) and not value)


class Left:
    """What was not taken into account, counted and named, of one document. ``accept``: the codes of findings that the
    operator says are meant."""

    def __init__(self, accept: Iterable[str] = ()) -> None:
        self.accept = frozenset(accept)
        self._told: dict[tuple[str, str], tuple[int, list[str]]] = {}
        self._more = 0

    def out(self, what: str, why: str, name: str = "", count: int = 1) -> None:
        """``what`` (a singular: "device") was left out ``count`` times, because of ``why``; one is ``name``."""
        key = what, why
        if key not in self._told and len(self._told) >= SENTENCES_MAX:
            self._more += count
            return
        before, names = self._told.get(key, (0, []))
        if name and len(names) <= NAMES_SHOWN and name[:64] not in names:
            names = [*names, name[:64] if len(names) < NAMES_SHOWN else "…"]
        self._told[key] = before + count, names

    def tell(self, sentence: str) -> None:
        """A sentence for the notes, once however often it is told."""
        if ("", sentence) not in self._told:
            self.out("", sentence)

    def doubt(self, finding: str, message: str, path: str, code: str = "implausible") -> None:
        """Something that is certainly wrong unless the operator says that ``finding`` is meant: then it is a note.

        Raises TaskError with ``code``.
        """
        if not self.accept & {finding, code}:
            raise TaskError(code, message, f'if it is meant, add "accept": ["{finding}"] to the input', path)
        self.tell(f"{message} (accepted)")

    def finding(self, finding: str, sentence: str) -> None:
        """Something that looks wrong and may be right, for the notes, unless the operator says that it is meant."""
        if not self.accept & {finding, "implausible"}:
            self.tell(f'{sentence} (if it is meant, add "accept": ["{finding}"])')

    def notes(self) -> list[str]:
        """A sentence for each thing that was left out or told, in the order found."""
        found = [_sentence(what, why, count, names) for (what, why), (count, names) in self._told.items()]
        return found + [f"{self._more} more things were left out"] * bool(self._more)


def _sentence(what: str, why: str, count: int, names: list[str]) -> str:
    if not what:
        return why
    shown = f" ({', '.join(names)})" if names else ""
    one, of, rest = what.partition(" of ")
    many = one if count == 1 else f"{one[:-1]}ies" if one.endswith("y") else f"{one}{'es' * one.endswith('s') or 's'}"
    return f"{count} {many}{of}{rest}{shown} left out: {why}"


@dataclass(frozen=True)
class Part:
    """The names known at one place, each in exactly one of these; ``label`` is what an operator calls the place.

    ``reads``    understood.
    ``skips``    may be ignored in silence: why.
    ``tells``    cannot change the answer but might be thought to: why not, for the notes.
    ``only``     the values that it may have, and why no other.
    ``refuses``  known, and cannot be taken: why, and what to do.
    ``open``     what is not named is no part of the question: it is told.
    ``keys``     the names are keys of the JSON that was sent, so that a pointer can end in them.
    """

    label: str
    reads: Collection[str] = frozenset()
    skips: Mapping[str, str] = field(default_factory=dict)
    tells: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, tuple[Collection[Any], str]] = field(default_factory=dict)
    refuses: Mapping[str, str] = field(default_factory=dict)
    open: bool = False
    keys: bool = False

    @cached_property
    def _silent(self) -> frozenset[str]:
        return frozenset((*self.reads, *self.skips))

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset((*self.tells, *self.only, *self.refuses))

    @cached_property
    def _begin(self) -> tuple[str, ...]:
        return tuple(name[:-1] for name in sorted(self._silent) if name.endswith("*"))

    def is_silent(self, name: str) -> bool:
        """Whether it is read or ignored whatever it holds."""
        return name in self._silent or name.startswith(self._begin)

    def sift(self, given: Mapping[str, Any], path: str, left: Left, where: str = "") -> None:
        """Looks at each name in ``given``; ``where`` goes before what is said, as "line 7: ".

        Raises TaskError: not_understood, unsupported.
        """
        if given.keys() <= self._silent:
            return
        added = []
        for name, value in given.items():   # in their order: the same document is refused for the same name
            if self.is_silent(name) or is_nothing(value):
                continue
            if self.open and name not in self._known:
                added.append(name)
            else:
                self._look(name, value, path, left, where)
        for place, name in enumerate(added[:NAMES_SHOWN + 1]):   # of whom there may be more than anybody reads
            count = 1 if place < NAMES_SHOWN else len(added) - NAMES_SHOWN
            left.out(f"attribute of {self.label}", "unknown, and not asked for", name, count)

    def _look(self, name: str, value: Any, path: str, left: Left, where: str) -> None:
        shown = f"{name[:64]!r} of {self.label}"
        if self.keys:
            path = f"{path}/{escaped(name[:64])}"
        if name in self.tells:
            left.tell(f"{shown} was not read: {self.tells[name]}")
        elif name in self.only:
            values, why = self.only[name]
            if value not in values:
                raise TaskError("unsupported", f"{where}{shown} is {str(value)[:40]!r}: {why}",
                                f"it may be {' or '.join(repr(one) for one in values)}, or absent", path)
        elif name in self.refuses:
            raise TaskError("unsupported", f"{where}{shown} is not modelled", self.refuses[name], path)
        else:
            close = [] if "not_understood" in left.accept else difflib.get_close_matches(
                name[:64], self.reads, n=1, cutoff=0.75)   # which takes long, and names may be many
            left.doubt("not_understood", f"{where}{shown} is not understood" + (
                f"; did you mean {close[0]!r}?" if close else ""), path, "not_understood")
