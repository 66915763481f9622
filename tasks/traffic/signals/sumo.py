"""Reads SUMO's network files: signals, conflicts, lanes and travel times.

Formats: SUMO documentation, "SUMO Road Networks" and "Simulation/Traffic Lights".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tasks.api import TaskError
from tasks.traffic.signals.network import Approach, Junction, Network, Phase, build
from tasks.traffic.signals.safexml import Element, parse

NETWORK_PATH = "/sumo/network_xml"
_NETWORK_TAGS = frozenset({"edge", "lane", "tlLogic", "phase", "junction", "request", "connection"})
_TURNS = {"s": "straight", "r": "right", "R": "right"}


@dataclass(slots=True)
class Edge:
    """A road between two junctions."""

    to: str
    travel_s: float
    """Free travel time of its whole length, or infinity where cars may not drive."""
    lanes: tuple[bool, ...]
    """Per lane, whether cars may use it."""
    onward: dict[str, Crossing] = field(default_factory=dict)


@dataclass(slots=True)
class Crossing:
    """From one edge to the next: time on the junction, and the movement's number if a signal guards it."""

    travel_s: float
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


def _edges(root: Element) -> tuple[dict[str, Edge], dict[str, float]]:
    """Roads by id, and the time it takes to pass each lane inside a junction by lane id."""
    edges: dict[str, Edge] = {}
    inside: dict[str, float] = {}
    for element in root.children:
        if element.tag != "edge":
            continue
        lanes = sorted((e for e in element.children if e.tag == "lane"),
                       key=lambda e: number(e, "index", NETWORK_PATH))
        times = [number(lane, "length", NETWORK_PATH) / max(0.1, number(lane, "speed", NETWORK_PATH))
                 for lane in lanes]
        if element.attributes.get("function", "normal") == "normal":
            usable = tuple(_cars(lane) for lane in lanes)
            fastest = min((t for t, ok in zip(times, usable, strict=True) if ok), default=math.inf)
            edges[element.attributes.get("id", "")] = Edge(element.attributes.get("to", ""), fastest, usable)
        else:
            inside.update((lane.attributes.get("id", ""), time) for lane, time in zip(lanes, times, strict=True))
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
    turn: str
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


def read_network(text: str) -> tuple[Network, Roads]:
    """Parses a .net.xml. Raises TaskError: bad_xml, bad_programme, no_signals, too_large."""
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
        crossing = inside.get(via, 0.0) + inside.get(followers.get(via, ""), 0.0)
        edges[source].onward.setdefault(target, Crossing(crossing))
        signal = element.attributes.get("tl")
        if signal is not None and signal in programmes:
            guarded.setdefault(signal, []).append(_Guarded(
                source, target, lane, _signal(element, programmes[signal]),
                _TURNS.get(element.attributes.get("dir", "s"), "left"), requests.get(via, -1)))
    if not guarded:
        raise TaskError("no_signals", "the network has no junction whose signals guard a road for cars",
                        "is it the right network? junctions need a <tlLogic> and connections with its id",
                        NETWORK_PATH)
    responses = _responses(root)
    junctions = [(programmes[name], _approaches(guarded[name], edges, responses)) for name in sorted(guarded)]
    network = build(junctions)
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


def _approaches(links: list[_Guarded], edges: dict[str, Edge],
                responses: dict[str, dict[int, str]]) -> list[Approach]:
    """Groups a signal's connections by movement; conflicts come from the junction's own response matrix."""
    movements: dict[str, dict[str, list[_Guarded]]] = {}
    by_request: dict[tuple[str, int], _Guarded] = {}
    for link in links:
        movements.setdefault(link.movement, {}).setdefault(link.lane_name, []).append(link)
        by_request[edges[link.source].to, link.request] = link
    found = []
    for name, lanes in movements.items():
        waits: set[tuple[str, str]] = set()
        for link in (link for group in lanes.values() for link in group):
            bits = responses.get(edges[link.source].to, {}).get(link.request, "")
            for i, bit in enumerate(reversed(bits)):
                other = by_request.get((edges[link.source].to, i))
                if bit == "1" and other is not None and other.movement != name:
                    waits.add((other.movement, other.lane_name))
        first = [group[0] for group in lanes.values()]
        found.append(Approach(name, first[0].turn, tuple((link.lane_name, link.signal) for link in first),
                              frozenset(waits)))
    return found
