"""Orders a feeder as a tree from its source, and says precisely why when it is none."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from tasks.api import TaskError
from tasks.energy.evhosting.model import Feeder
from tasks.registry import nearest

BUSES_MAX = 200
"""More would not fit the memory of a board."""
OHM_MIN = 1e-6


@dataclass(frozen=True, slots=True)
class Branch:
    """What feeds a bus: impedance in ohm at the feeder's nominal voltage, rated current in ampere."""

    r_ohm: float
    x_ohm: float
    limit_a: float
    label: str
    path: str


@dataclass(frozen=True, slots=True)
class Tree:
    """Buses in order from the source; ``parent[i] < i``, ``branch[i]`` feeds bus i, entry 0 is the source."""

    names: tuple[str, ...]
    parent: tuple[int, ...]
    branch: tuple[Branch | None, ...]
    has_transformer: bool


def grow(feeder: Feeder) -> Tree:
    """Walks the feeder from its source, breadth first.

    Raises TaskError: ``empty_data``, ``too_large``, ``duplicate``, ``unknown_bus``, ``zero_impedance``,
    ``not_radial`` (names the buses round the loop), ``disconnected``, ``transformer``.
    """
    _check_buses(feeder)
    edges = _edges(feeder)
    _check_loops(edges)
    near: dict[str, list[tuple[str, Branch]]] = {bus.name: [] for bus in feeder.buses}
    for one, other, branch in edges:
        near[one].append((other, branch))
        near[other].append((one, branch))
    order: dict[str, int] = {feeder.source_bus: 0}
    parent, branches = [0], list[Branch | None]([None])
    queue = deque([feeder.source_bus])
    while queue:
        here = queue.popleft()
        for there, branch in near[here]:
            if there not in order:
                order[there] = len(order)
                parent.append(order[here])
                branches.append(branch)
                queue.append(there)
    for place, bus in enumerate(feeder.buses):
        if bus.name not in order:
            raise TaskError("disconnected", f"bus {bus.name!r} is not connected to the source {feeder.source_bus!r}",
                            "add the missing line, or leave the bus out", f"/feeder/buses/{place}")
    if feeder.transformer:
        _check_transformer(feeder, near)
    return Tree(tuple(order), tuple(parent), tuple(branches), feeder.transformer is not None)


def _check_buses(feeder: Feeder) -> None:
    if len(feeder.buses) < 2:
        raise TaskError("empty_data", "a feeder needs at least two buses", "list the buses", "/feeder/buses")
    if len(feeder.buses) > BUSES_MAX:
        raise TaskError("too_large", f"{len(feeder.buses)} buses; a device holds at most {BUSES_MAX}",
                        "study one feeder (outgoing circuit) at a time", "/feeder/buses")
    seen: set[str] = set()
    for place, bus in enumerate(feeder.buses):
        if bus.name in seen:
            raise TaskError("duplicate", f"two buses are named {bus.name!r}", "name each bus once",
                            f"/feeder/buses/{place}/name")
        seen.add(bus.name)
    known(feeder.source_bus, seen, "/feeder/source_bus")


def known(name: str, names: Iterable[str], path: str) -> None:
    """Raises TaskError ``unknown_bus`` with the nearest spelling unless ``name`` is a bus."""
    if name not in names:
        raise TaskError("unknown_bus", f"no bus is named {name!r}", nearest(name, sorted(names)[:200]), path)


def _edges(feeder: Feeder) -> list[tuple[str, str, Branch]]:
    names = {bus.name for bus in feeder.buses}
    edges: list[tuple[str, str, Branch]] = []
    if feeder.transformer:
        trafo = feeder.transformer
        known(trafo.from_bus, names, "/feeder/transformer/from_bus")
        known(trafo.to_bus, names, "/feeder/transformer/to_bus")
        if trafo.resistive_percent > trafo.short_circuit_percent:
            raise TaskError("transformer", "the resistive share exceeds the short-circuit voltage",
                            f"at most {trafo.short_circuit_percent:g}", "/feeder/transformer/resistive_percent")
        base_ohm = feeder.nominal_kv**2 * 1000 / trafo.rated_kva
        resistive = trafo.resistive_percent / 100
        reactive = math.sqrt((trafo.short_circuit_percent / 100) ** 2 - resistive**2)
        rated_a = trafo.rated_kva / (math.sqrt(3) * feeder.nominal_kv)
        branch = Branch(base_ohm * resistive, base_ohm * reactive, rated_a, "transformer", "/feeder/transformer")
        edges.append((trafo.from_bus, trafo.to_bus, branch))
    for place, line in enumerate(feeder.lines):
        path = f"/feeder/lines/{place}"
        known(line.from_bus, names, path + "/from_bus")
        known(line.to_bus, names, path + "/to_bus")
        if line.r_ohm + line.x_ohm < OHM_MIN:
            raise TaskError("zero_impedance", f"line {line.from_bus}–{line.to_bus} has no impedance",
                            "give r_ohm and x_ohm, or merge the two buses", path + "/r_ohm")
        branch = Branch(line.r_ohm, line.x_ohm, line.limit_a, f"{line.from_bus}–{line.to_bus}", path)
        edges.append((line.from_bus, line.to_bus, branch))
    if not edges:
        raise TaskError("empty_data", "the feeder has no lines", "list the lines", "/feeder/lines")
    return edges


def _check_loops(edges: list[tuple[str, str, Branch]]) -> None:
    """Adds edge by edge; the first edge between buses already joined closes a loop, which is named."""
    near: dict[str, list[str]] = {}
    for one, other, branch in edges:
        way = _way(near, one, other)
        if len(way) == 2:
            raise TaskError("not_radial", f"two lines join {one!r} and {other!r}",
                            "combine parallel lines into one", branch.path)
        if way:
            shown = way if len(way) <= 12 else [*way[:6], "…", *way[-5:]]
            raise TaskError("not_radial", f"the feeder has a loop: {' – '.join([*shown, way[0]])}",
                            "leave out the line that is open in normal operation", branch.path)
        near.setdefault(one, []).append(other)
        near.setdefault(other, []).append(one)


def _way(near: dict[str, list[str]], start: str, goal: str) -> list[str]:
    """The buses from start to goal along the edges so far, or nothing."""
    came: dict[str, str] = {start: start}
    queue = deque([start])
    while queue and goal not in came:
        here = queue.popleft()
        for there in near.get(here, ()):
            if there not in came:
                came[there] = here
                queue.append(there)
    if goal not in came:
        return []
    way = [goal]
    while way[-1] != start:
        way.append(came[way[-1]])
    return way[::-1]


def _check_transformer(feeder: Feeder, near: dict[str, list[tuple[str, Branch]]]) -> None:
    head = near[feeder.source_bus]
    if len(head) != 1 or head[0][1].path != "/feeder/transformer":
        raise TaskError("transformer", f"the transformer must be the only branch at the source {feeder.source_bus!r}",
                        "make the bus before the transformer the source, and study one transformer at a time",
                        "/feeder/transformer")
