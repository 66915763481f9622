"""XML from strangers: a small tree, with neither document types nor entities, bounded in size and depth."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.parsers import expat

from lamplighter.tasks.api import TaskError

MAX_ELEMENTS = 300_000
MAX_DEPTH = 20


@dataclass(slots=True)
class Element:
    """A tag, its attributes and its children; text is dropped, as SUMO's files have none."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)


class _Builder:
    def __init__(self, path: str, root: str, keep: frozenset[str], look: Callable[[Element], None] | None) -> None:
        self.path = path
        self.root = root
        self.keep = keep
        self.look = look
        self.count = 0
        self.dropped = MAX_DEPTH + 1
        """How deep the element is within which nothing is kept."""
        self.stack: list[Element] = [Element("", {}, 0)]
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.StartDoctypeDeclHandler = self.refuse
        self.parser.EntityDeclHandler = self.refuse
        self.parser.ExternalEntityRefHandler = self.refuse

    def refuse(self, *_: object) -> int:
        raise TaskError("bad_xml", "the XML declares a document type or an entity",
                        "remove the <!DOCTYPE ...> part; SUMO's own files have none", self.path)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if self.count > MAX_ELEMENTS or len(self.stack) > MAX_DEPTH:
            raise TaskError("bad_xml", f"the XML has more than {MAX_ELEMENTS} elements or {MAX_DEPTH} levels",
                            "cut the network to the area in question", self.path)
        element = Element(tag, attributes, self.parser.CurrentLineNumber)
        depth = len(self.stack)
        if depth == 1 and tag != self.root:
            self.dropped = depth
        elif depth < self.dropped:
            if self.look is not None:
                self.look(element)
            if tag in self.keep:
                self.stack[-1].children.append(element)
            else:
                self.dropped = depth
        self.stack.append(element)

    def end(self, _: str) -> None:
        self.stack.pop()
        if len(self.stack) <= self.dropped:
            self.dropped = MAX_DEPTH + 1


def parse(text: str, root: str, keep: frozenset[str], path: str,
          look: Callable[[Element], None] | None = None) -> Element:
    """The root element of ``text`` with those of its descendants whose tags are in ``keep``, as all around them are.

    ``look`` sees each element but those within one that is not kept, and may raise TaskError.
    Raises TaskError ``bad_xml``, pointing at ``path``, if it is not well-formed, is not rooted in ``root``,
    declares a document type or an entity (billion laughs, external files), or is too large.
    """
    builder = _Builder(path, root, keep | {root}, look)
    try:
        builder.parser.Parse(text, True)
    except expat.ExpatError as error:
        raise TaskError("bad_xml", f"not well-formed XML: {error}", "send the file's whole text", path) from None
    except (UnicodeError, ValueError) as error:
        raise TaskError("bad_xml", f"not readable as XML: {error}", "send the file as UTF-8 text", path) from None
    found = builder.stack[0].children
    if len(found) != 1 or found[0].tag != root:
        raise TaskError("bad_xml", f"the XML's root is not <{root}>", "are the two files swapped?", path)
    return found[0]


def number(element: Element, name: str, path: str, default: str | None = None) -> float:
    """An attribute as a finite number. Raises TaskError naming the line."""
    text = element.attributes.get(name, default)
    try:
        value = float(text if text is not None else "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e7:
        shown = "is missing" if text is None else f"{text[:40]!r} is no usable number"
        raise TaskError("bad_xml", f"line {element.line}: {name} of <{element.tag}> {shown}",
                        "times are in seconds, lengths in metres", path)
    return value
