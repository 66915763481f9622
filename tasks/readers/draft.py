"""A feeder as a reader of another format finds it, piece by piece, each with the place that it comes from."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.checked import checker
from lamplighter.tasks.problems import as_task_error
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.feeder import Bus, Feeder, Line, Load, Transformer

Origin = tuple[str, str]
"""A JSON Pointer into what was sent, and the piece there in words: "line 17"."""
ONE_AT_A_TIME = "study one of them at a time, and lump what the others feed into loads at the busbar"
MOST_ROWS = 150_000
"""Of all tables of a net together: a feeder has no more than 120,000 pieces."""
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Converted:
    """A feeder, and where its pieces come from: by the name of the list and the place in it."""

    feeder: Feeder
    origins: Mapping[str, Sequence[Origin]]
    tables: Mapping[str, str]
    """Pointer to the table that each field of the feeder is made of; "" stands for all others."""

    def located(self, error: TaskError) -> TaskError:
        """The same error about what was sent, where it is one about the feeder."""
        way = error.path.split("/")
        if way[1:2] != ["feeder"] or self.tables[""] == "/feeder":
            return error   # it is as it was sent
        part, place = (*way[2:4], "", "")[:2]
        known = self.origins.get(part, ())
        if place.isdecimal() and int(place) < len(known):
            path, words = known[int(place)]
            return TaskError(error.code, f"{words}: {error.message}", error.hint, path)
        return TaskError(error.code, error.message, error.hint, self.tables.get(part, self.tables[""]))


@dataclass
class Draft:
    """Pieces so far. ``code`` is that of errors in single values."""

    code: str
    tables: Mapping[str, str]
    left: Left
    buses: list[tuple[Bus, float, Origin]] = field(default_factory=list)
    """Each with its nominal voltage in kV."""
    lines: list[tuple[Line, Origin]] = field(default_factory=list)
    loads: list[tuple[Load, Origin]] = field(default_factory=list)
    transformer: tuple[Transformer, Origin] | None = None

    def made(self, model: type[M], origin: Origin, **fields: Any) -> M:
        """A piece in plain fields. Raises TaskError where a value cannot be."""
        try:
            return checker(model).check(fields) if model is Feeder else model(**fields)
        except ValidationError as error:
            found = as_task_error(model, error, "")
            raise TaskError(self.code, f"{origin[1]}: {found.message}", found.hint, origin[0]) from None

    def finished(self, source: str, **fields: Any) -> Converted:
        """The feeder of all that hangs together with ``source``; dead ends without loads are left out and told.

        Raises TaskError: disconnected, transformer (several voltages), and ``code``.
        """
        reached = self._reached(source)
        for load, (path, words) in self.loads:
            if load.bus not in reached:
                raise TaskError("disconnected", f"{words}: bus {load.bus!r} is not connected to source {source!r}",
                                "close the missing line or switch, or take the load out", path)
        for line, (_, words) in self.lines:
            if line.from_bus not in reached:
                self.left.out("line", "not connected to the source", words)
        for bus, _, _ in self.buses:
            if bus.name not in reached:
                self.left.out("bus", "not connected to the source", bus.name)
        head = source if self.transformer else None
        volts = {kv for bus, kv, _ in self.buses if bus.name in reached and bus.name != head}
        if len(volts) != 1:
            raise TaskError("transformer", f"the feeder mixes {sorted(volts)} kV", "one voltage behind the head "
                            "transformer: lump what other transformers feed into loads at the busbar",
                            self.tables["buses"])
        kept: dict[str, list[tuple[Any, Origin]]] = {
            "buses": [(bus, origin) for bus, _, origin in self.buses if bus.name in reached],
            "lines": [(line, origin) for line, origin in self.lines if line.from_bus in reached],
            "loads": list(self.loads)}
        feeder = self.made(Feeder, (self.tables[""], "the feeder"), nominal_kv=volts.pop(), source_bus=source,
                           transformer=self.transformer and self.transformer[0],
                           **{name: [piece for piece, _ in pieces] for name, pieces in kept.items()}, **fields)
        return Converted(feeder, {name: [origin for _, origin in pieces] for name, pieces in kept.items()},
                         self.tables)

    def _reached(self, source: str) -> set[str]:
        near: dict[str, list[str]] = {}
        ends = [(line.from_bus, line.to_bus) for line, _ in self.lines]
        if self.transformer:
            ends.append((self.transformer[0].from_bus, self.transformer[0].to_bus))
        for one, other in ends:
            near.setdefault(one, []).append(other)
            near.setdefault(other, []).append(one)
        reached, queue = {source}, deque([source])
        while queue:
            for there in near.get(queue.popleft(), ()):
                if there not in reached:
                    reached.add(there)
                    queue.append(there)
        return reached
