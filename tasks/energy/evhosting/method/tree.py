"""Orders a feeder as a tree from its source, and says precisely why when it is none."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.feeder import Feeder, Transformer
from lamplighter.tasks.registry import nearest

BUSES_MAX = 1000
"""More would fit the memory of few boards."""
OHM_MIN = 1e-9
"""Stands for no impedance at all where lines share a current."""


TRANSFORMER = "/feeder/transformer"


@dataclass(frozen=True, slots=True)
class Branch:
    """What feeds a bus: impedance in ohm at the feeder's nominal voltage, rated current in ampere.

    ``shunt_s`` is the admittance to earth at each of its two ends, in siemens.
    """

    r_ohm: float
    x_ohm: float
    limit_a: float
    label: str
    path: str
    shunt_s: complex = 0j


@dataclass(frozen=True, slots=True)
class Tree:
    """Buses in order from the source; ``parent[i] < i``, ``branch[i]`` feeds bus i, entry 0 is the source."""

    names: tuple[str, ...]
    parent: tuple[int, ...]
    branch: tuple[Branch | None, ...]
    has_transformer: bool


def grow(feeder: Feeder) -> Tree:
    """Walks the feeder from its source, breadth first.

    Parallel lines become one branch. Raises TaskError: ``empty_data``, ``duplicate``,
    ``unknown_bus``, ``not_radial`` (names the buses round the loop), ``disconnected``, ``transformer``.
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


def lean(tree: Tree, busy: Collection[str]) -> Tree:
    """The tree without buses at which nothing happens: none of ``busy``, at lines without charging.

    Between two of them the same current flows in both, so they are one line, and the lower limit counts; the voltage
    there lies between those of the neighbours. At the end of one no current flows. Raises TaskError ``too_large``.
    """
    def plain(i: int) -> bool:
        branch = tree.branch[i]
        return branch is not None and not branch.shunt_s and branch.path != TRANSFORMER

    below: list[list[int]] = [[] for _ in tree.names]
    for i in range(len(tree.names) - 1, 0, -1):   # children come after their parents
        if below[i] or tree.names[i] in busy or not plain(i):
            below[tree.parent[i]].append(i)
    place: dict[int, int] = {}
    above: dict[int, tuple[int, Branch]] = {}   # of a bus left out: the last kept one before it, the line from there
    parents, branches = [], list[Branch | None]()
    for i, (parent, branch) in enumerate(zip(tree.parent, tree.branch, strict=True)):
        if branch and parent in above:
            parent, branch = above[parent][0], _series(above[parent][1], branch)
        idle = tree.names[i] not in busy and plain(i) and all(map(plain, below[i]))
        if branch and idle and len(below[i]) < 2:
            above[i] = parent, branch
            continue
        place[i] = len(place)
        parents.append(place[parent])
        branches.append(branch)
    if len(place) > BUSES_MAX:
        raise TaskError("too_large", f"{len(place)} buses; at most {BUSES_MAX} can be computed",
                        "study one feeder (outgoing circuit) at a time, and lump the others into a load at the "
                        "busbar", "/feeder/buses")
    return Tree(tuple(tree.names[i] for i in place), tuple(parents), tuple(branches), tree.has_transformer)


def _series(one: Branch, other: Branch) -> Branch:
    """Two lines one after the other, without charging."""
    weaker = min(one, other, key=lambda branch: branch.limit_a)
    return replace(weaker, r_ohm=one.r_ohm + other.r_ohm, x_ohm=one.x_ohm + other.x_ohm)


def _check_buses(feeder: Feeder) -> None:
    if len(feeder.buses) < 2:
        raise TaskError("empty_data", "a feeder needs at least two buses", "list the buses", "/feeder/buses")
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
        raise TaskError("unknown_bus", f"no bus is named {name!r}", nearest(name, list(names)), path)


def _edges(feeder: Feeder) -> list[tuple[str, str, Branch]]:
    names = {bus.name for bus in feeder.buses}
    edges: list[tuple[str, str, Branch]] = []
    if feeder.transformer:
        known(feeder.transformer.from_bus, names, "/feeder/transformer/from_bus")
        known(feeder.transformer.to_bus, names, "/feeder/transformer/to_bus")
        edges.append((feeder.transformer.from_bus, feeder.transformer.to_bus,
                      _transformer(feeder.transformer, feeder.nominal_kv)))
    sides: dict[frozenset[str], tuple[tuple[str, str], list[Branch]]] = {}
    for place, line in enumerate(feeder.lines):
        path = f"/feeder/lines/{place}"
        known(line.from_bus, names, path + "/from_bus")
        known(line.to_bus, names, path + "/to_bus")
        shunt = complex(line.g_us * 1e-6, 2 * math.pi * feeder.frequency_hz * line.c_nf * 1e-9) / 2
        ends = line.from_bus, line.to_bus
        sides.setdefault(frozenset(ends), (ends, []))[1].append(Branch(
            line.r_ohm, line.x_ohm, line.limit_a, f"{line.from_bus}–{line.to_bus}", path, shunt))
    edges += [(*both, _parallel(twins)) for both, twins in sides.values()]
    if not edges:
        raise TaskError("empty_data", "the feeder has no lines", "list the lines", "/feeder/lines")
    return edges


def _transformer(trafo: Transformer, nominal_kv: float) -> Branch:
    """The T circuit (half the series impedance, the no-load branch, the other half) as an equivalent pi."""
    if trafo.resistive_percent > trafo.short_circuit_percent:
        raise TaskError("transformer", "the resistive share exceeds the short-circuit voltage",
                        f"at most {trafo.short_circuit_percent:g}", TRANSFORMER + "/resistive_percent")
    first, second = turns(trafo)
    base_ohm = (nominal_kv * second) ** 2 * 1000 / trafo.rated_kva
    z = complex(trafo.resistive_percent, math.sqrt(trafo.short_circuit_percent**2 - trafo.resistive_percent**2))
    z *= base_ohm / 100
    loss, whole = trafo.iron_loss_kw / trafo.rated_kva, trafo.no_load_percent / 100
    y = complex(loss, -math.sqrt(max(0.0, whole**2 - loss**2))) / base_ohm
    rated_kv = nominal_kv * max(trafo.secondary_pu, second * trafo.primary_pu / first)
    series = z + z * z * y / 4
    return Branch(max(0.0, series.real), series.imag,
                  trafo.limit_percent / 100 * trafo.rated_kva / (math.sqrt(3) * rated_kv),
                  "transformer", TRANSFORMER, 1 / (2 / y + z / 2) if y else 0j)


def turns(trafo: Transformer) -> tuple[float, float]:
    """Rated voltages of both sides at the tap position, over the nominal voltages of their buses."""
    volts = {"primary": trafo.primary_pu, "secondary": trafo.secondary_pu}
    for side, percent in ((trafo.tap_side, trafo.tap_percent), (trafo.tap2_side, trafo.tap2_percent)):
        volts[side] *= 1 + percent / 100
    return volts["primary"], volts["secondary"]


def _parallel(lines: list[Branch]) -> Branch:
    """Lines side by side as one: they share the current by admittance, the first at its limit counts."""
    if len(lines) == 1:
        return lines[0]
    admittances = [1 / (complex(line.r_ohm, line.x_ohm) or OHM_MIN) for line in lines]
    together = sum(admittances)
    z = 1 / together
    limits = [line.limit_a * abs(together) / abs(y) for line, y in zip(lines, admittances, strict=True)]
    weakest = lines[limits.index(min(limits))]
    return Branch(z.real, z.imag, min(limits), f"{weakest.label} ({len(lines)} parallel)", weakest.path,
                  sum(line.shunt_s for line in lines))


def _check_loops(edges: list[tuple[str, str, Branch]]) -> None:
    """Adds edge by edge; the first edge between buses already joined closes a loop, which is named."""
    near: dict[str, list[str]] = {}
    head: dict[str, str] = {}

    def find(name: str) -> str:
        while head.setdefault(name, name) != name:
            head[name] = name = head[head[name]]
        return name

    for one, other, branch in edges:
        way = _way(near, one, other) if find(one) == find(other) else []
        head[find(one)] = find(other)
        if len(way) == 2:
            raise TaskError("not_radial", f"a line joins {one!r} and {other!r} beside the transformer",
                            "leave out the line", branch.path)
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
    if len(head) != 1 or head[0][1].path != TRANSFORMER:
        raise TaskError("transformer", f"the transformer must be the only branch at the source {feeder.source_bus!r}",
                        "make the bus before the transformer the source, and study one transformer at a time",
                        TRANSFORMER)
