"""Reads SUMO's network files: signals, conflicts, lanes and travel times.

Formats: SUMO documentation, "SUMO Road Networks" and "Simulation/Traffic Lights".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.network import (
    MAX_ROOM,
    VEHICLE_M,
    Approach,
    Junction,
    Network,
    Phase,
    Road,
    build,
    check_size,
)
from lamplighter.tasks.readers.safexml import Element, parse

NETWORK_PATH = "/sumo/network_xml"
_NETWORK_TAGS = frozenset({"edge", "lane", "tlLogic", "phase", "junction", "request", "connection"})
SPEED_M_PER_S = 13.9
MAX_ROAD_EDGES = 20


@dataclass(slots=True)
class Edge:
    """A road between two junctions."""

    to: str
    travel_s: float
    """Free travel time of its whole length, or infinity where cars may not drive."""
    lanes: tuple[bool, ...]
    """Per lane, whether cars may use it."""
    start: str
    length_m: float
    onward: dict[str, Crossing] = field(default_factory=dict)


@dataclass(slots=True)
class Crossing:
    """From one edge to the next: time on the junction, and the movement's number if a signal guards it."""

    travel_s: float
    guarded: bool
    movement: int | None = None


@dataclass(slots=True)
class Roads:
    """What routes run on: edges by id."""

    edges: dict[str, Edge]


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


def _cars(lane: Element) -> bool:
    allow, disallow = (lane.attributes.get(name, "").split() for name in ("allow", "disallow"))
    return not {"all", "passenger"} & set(disallow) and (not allow or bool({"all", "passenger"} & set(allow)))


@dataclass(frozen=True, slots=True)
class _Inner:
    """A lane inside a junction."""

    length_m: float
    speed_m_per_s: float

    @property
    def travel_s(self) -> float:
        return self.length_m / self.speed_m_per_s


def _edges(root: Element) -> tuple[dict[str, Edge], dict[str, _Inner]]:
    """Roads by id, and the lanes inside junctions by lane id."""
    edges: dict[str, Edge] = {}
    inside: dict[str, _Inner] = {}
    for element in root.children:
        if element.tag != "edge":
            continue
        lanes = sorted((e for e in element.children if e.tag == "lane"),
                       key=lambda e: number(e, "index", NETWORK_PATH))
        sizes = [_Inner(number(lane, "length", NETWORK_PATH), max(0.1, number(lane, "speed", NETWORK_PATH)))
                 for lane in lanes]
        if element.attributes.get("function", "normal") == "normal":
            usable = tuple(_cars(lane) for lane in lanes)
            fastest = min((size.travel_s for size, ok in zip(sizes, usable, strict=True) if ok), default=math.inf)
            edges[element.attributes.get("id", "")] = Edge(
                element.attributes.get("to", ""), fastest, usable, element.attributes.get("from", ""),
                min((size.length_m for size in sizes), default=0.0))
        else:
            inside.update((lane.attributes.get("id", ""), size) for lane, size in zip(lanes, sizes, strict=True))
    return edges, inside


def _junctions(root: Element) -> dict[str, Junction]:
    """Programmes by signal id; of several for one signal SUMO runs the last."""
    found: dict[str, Junction] = {}
    for logic in root.children:
        if logic.tag != "tlLogic":
            continue
        name = logic.attributes.get("id", "")
        phases = tuple(Phase(round(10 * number(phase, "duration", NETWORK_PATH)), phase.attributes.get("state", ""))
                       for phase in logic.children if phase.tag == "phase")
        cycle = sum(phase.duration_ds for phase in phases)
        if not phases or min(p.duration_ds for p in phases) < 1 or len(phases) > 32 or cycle > 6000:
            raise TaskError("bad_programme", f"programme of signal {name[:64]!r}: 1 to 32 phases of at least 0.1 s, "
                            "600 s together, are supported", "check its <phase> elements", NETWORK_PATH)
        if len({len(phase.signals) for phase in phases}) != 1:
            raise TaskError("bad_programme", f"programme of signal {name[:64]!r}: states differ in length",
                            "each state has one letter per signal", NETWORK_PATH)
        found[name] = Junction(name, round(10 * number(logic, "offset", NETWORK_PATH, "0")) % cycle, phases)
    return found


def _responses(root: Element) -> dict[str, dict[int, str]]:
    """Per junction and its request index the response bits; requests are in the order of inner lanes."""
    return {junction.attributes.get("id", ""): {
                int(number(request, "index", NETWORK_PATH)): request.attributes.get("response", "")
                for request in junction.children if request.tag == "request"}
            for junction in root.children if junction.tag == "junction"}


@dataclass(slots=True)
class _Guarded:
    """A connection that a signal guards."""

    source: str
    target: str
    lane: int
    signal: int
    speed_m_per_s: float
    """Of its lane inside the junction, which SUMO sets by the turn's radius."""
    request: int
    """Its index in its junction's request table; -1 if it has none."""

    @property
    def movement(self) -> str:
        return f"{self.source} > {self.target}"

    @property
    def lane_name(self) -> str:
        return f"{self.source}_{self.lane}"


def _requests(root: Element, followers: dict[str, str]) -> dict[str, int]:
    """Inner lane -> request index. A lane that ends inside (waiting left turns) is listed by its follower."""
    index: dict[str, int] = {}
    for junction in root.children:
        if junction.tag == "junction" and junction.attributes.get("type") != "internal":
            index.update((lane, i) for i, lane in enumerate(junction.attributes.get("intLanes", "").split()))
    for lane, follower in followers.items():
        if lane not in index and follower in index:
            index[lane] = index[follower]
    return index


def read_network(text: str, vehicle_m: float = VEHICLE_M) -> tuple[Network, Roads]:
    """Parses a .net.xml; in a queue a vehicle takes ``vehicle_m``.

    Raises TaskError: bad_xml, bad_programme, no_signals, too_large.
    """
    root = parse(text, "net", _NETWORK_TAGS, NETWORK_PATH)
    edges, inside = _edges(root)
    connections = [e for e in root.children if e.tag == "connection"]
    followers = {f"{e.attributes.get('from')}_{e.attributes.get('fromLane')}": e.attributes["via"]
                 for e in connections if e.attributes.get("from", "").startswith(":") and "via" in e.attributes}
    requests = _requests(root, followers)
    programmes = _junctions(root)
    guarded: dict[str, list[_Guarded]] = {}
    for element in connections:
        source, target = element.attributes.get("from", ""), element.attributes.get("to", "")
        if source not in edges or target not in edges:
            continue
        lane = int(number(element, "fromLane", NETWORK_PATH))
        if not 0 <= lane < len(edges[source].lanes) or not edges[source].lanes[lane]:
            continue
        via = element.attributes.get("via", "")
        parts = [inside[name] for name in (via, followers.get(via, "")) if name in inside]
        signal = element.attributes.get("tl", "")
        crossing = Crossing(sum(part.travel_s for part in parts), signal in programmes)
        edges[source].onward.setdefault(target, crossing)
        if signal in programmes:
            guarded.setdefault(signal, []).append(_Guarded(
                source, target, lane, _signal(element, programmes[signal]),
                min((part.speed_m_per_s for part in parts), default=SPEED_M_PER_S), requests.get(via, -1)))
    if not guarded:
        raise TaskError("no_signals", "the network has no junction whose signals guard a road for cars",
                        "is it the right network? junctions need a <tlLogic> and connections with its id",
                        NETWORK_PATH)
    links = [link for group in guarded.values() for link in group]
    check_size(len({link.lane_name for link in links}), len({link.movement for link in links}), NETWORK_PATH)
    responses = _responses(root)
    roads = {link.source: None for links in guarded.values() for link in links}
    found = _roads(list(roads), edges, vehicle_m)
    junctions = [(programmes[name], _approaches(guarded[name], edges, responses, found, vehicle_m))
                 for name in sorted(guarded)]
    network = build(junctions, NETWORK_PATH)
    ends = {link.movement: (link.source, link.target) for links in guarded.values() for link in links}
    for i, name in enumerate(network.movements):
        source, target = ends[name]
        edges[source].onward[target].movement = i
    return network, Roads(edges)


def _signal(element: Element, junction: Junction) -> int:
    signal = int(number(element, "linkIndex", NETWORK_PATH))
    if not 0 <= signal < len(junction.phases[0].signals):
        raise TaskError("bad_programme", f"line {element.line}: signal {junction.id[:64]!r} has no letter {signal}",
                        "its states are shorter than its connections need", NETWORK_PATH)
    return signal


def _roads(sources: list[str], edges: dict[str, Edge], vehicle_m: float) -> dict[str, Road]:
    """How far back each approach's lanes reach: over edges that only they continue, without signals between."""
    before: dict[str, list[str]] = {}
    wide = {name: sum(edge.lanes) for name, edge in edges.items()}
    for name, edge in edges.items():
        for target in edge.onward:
            if edge.start != edges[target].to:  # not by turning round
                before.setdefault(target, []).append(name)
    found = {}
    for source in sources:
        at, length_m, width = source, edges[source].length_m, wide[source]
        for _ in range(MAX_ROAD_EDGES):
            feeding = before.get(at, [])
            if len(feeding) != 1 or wide[feeding[0]] < width or edges[feeding[0]].onward[at].guarded:
                break
            at = feeding[0]
            length_m += edges[at].length_m
        room = max(1, min(MAX_ROOM - 1, int(length_m / vehicle_m)))
        feeders = max((wide[name] for name in before.get(at, [])), default=1)
        found[source] = Road(source, room, max(1, min(feeders, width)))
    return found


def headway_ds(speed_m_per_s: float, vehicle_m: float) -> int:
    """Time between vehicles that leave a queue at this speed, in 0.1 s.

    1.3 s plus 1.2 times what a vehicle's length takes: SUMO 1.28's own cars on a generated junction, 8 to
    19 m/s, straight and turning, in queues of 5.8 and 7.5 m per car, within 0.1 s.
    """
    return round(13 + 12 * vehicle_m / max(2.0, speed_m_per_s))


def _approaches(links: list[_Guarded], edges: dict[str, Edge], responses: dict[str, dict[int, str]],
                roads: dict[str, Road], vehicle_m: float) -> list[Approach]:
    """Groups a signal's connections by movement; conflicts come from the junction's own response matrix."""
    movements: dict[str, dict[str, list[_Guarded]]] = {}
    by_request: dict[tuple[str, int], _Guarded] = {}
    for link in links:
        movements.setdefault(link.movement, {}).setdefault(link.lane_name, []).append(link)
        by_request[edges[link.source].to, link.request] = link
    found = []
    for name, lanes in movements.items():
        waits: set[tuple[str, str]] = set()
        asked = {(edges[link.source].to, link.request) for group in lanes.values() for link in group}
        for junction, request in asked:
            for i, bit in enumerate(reversed(responses.get(junction, {}).get(request, ""))):
                other = by_request.get((junction, i)) if bit == "1" else None
                if other is not None and other.movement != name:
                    waits.add((other.movement, other.lane_name))
        first = [group[0] for group in lanes.values()]
        headway = headway_ds(min(link.speed_m_per_s for link in first), vehicle_m)
        found.append(Approach(name, roads[first[0].source], min(headway, 127),
                              tuple((link.lane_name, link.signal) for link in first), frozenset(waits)))
    return found
