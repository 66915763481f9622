"""Reads SUMO's network files: signals, conflicts, lanes and travel times.

Formats: SUMO documentation, "SUMO Road Networks" and "Simulation/Traffic Lights".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.groups import freed
from lamplighter.tasks.readers.network import (
    MAX_ROOM,
    VEHICLE_M,
    Approach,
    Junction,
    Network,
    Road,
    build,
    crossing,
)
from lamplighter.tasks.readers.programmes import Place, Programmes, Requests
from lamplighter.tasks.readers.safexml import Element, number
from lamplighter.tasks.readers.sumoxml import NETWORK, NETWORK_PATH

SPEED_M_PER_S = 13.9
FAST_M_PER_S = 40.0
"""Above this (144 km/h) a lane's speed is told: it may be in km/h."""
FASTEST_M_PER_S = 60.0
MAX_ROAD_EDGES = 20


@dataclass(slots=True)
class Edge:
    """A road between two junctions."""

    to: str
    travel_s: float
    """Free travel time of its whole length, for cars where they may drive; infinity where nobody asked for may."""
    lanes: tuple[bool, ...]
    """Per lane, whether cars may use it."""
    others: tuple[frozenset[str], ...]
    """Per lane which of the other classes asked for may use it, where cars may not."""
    start: str
    length_m: float
    onward: dict[str, Crossing] = field(default_factory=dict)
    apart: dict[str, Crossing] = field(default_factory=dict)
    """Where only others than cars may go on, by lanes of their own."""

    def ways(self, sort: str) -> dict[str, Crossing]:
        """Where a vehicle of a class may go on: by a lane of its own rather than among cars."""
        if not self.apart:
            return self.onward
        return self.onward | {target: way for target, way in self.apart.items() if sort in way.classes}


@dataclass(slots=True)
class Crossing:
    """From one edge to the next: time on the junction, and the movement's number if a signal guards it."""

    travel_s: float
    guarded: bool
    movement: int | None = None
    classes: frozenset[str] = frozenset()
    """Where cars may not go: who may."""


@dataclass(slots=True)
class Roads:
    """What routes run on: edges by id."""

    edges: dict[str, Edge]
    unruled: frozenset[str] = frozenset()
    """Junctions without signals where nobody gives way (``unregulated``)."""


def _cars(way: Element) -> bool:
    """Whether cars may use a lane or a connection."""
    return bool(_allowed(way, frozenset({"passenger"})))


def _allowed(way: Element, classes: frozenset[str]) -> frozenset[str]:
    """Which of the classes may use a lane or a connection."""
    allow, disallow = (way.attributes.get(name, "").split() for name in ("allow", "disallow"))
    if "all" in disallow:
        return frozenset()
    return (classes if not allow or "all" in allow else classes & set(allow)) - set(disallow)


@dataclass(frozen=True, slots=True)
class _Inner:
    """A lane inside a junction."""

    length_m: float
    speed_m_per_s: float

    @property
    def travel_s(self) -> float:
        return self.length_m / self.speed_m_per_s


def _speed(lane: Element, left: Left) -> float:
    """A lane's speed in m/s, at least 0.1. Raises TaskError where no car drives so: out_of_range, implausible."""
    speed = number(lane, "speed", NETWORK_PATH)
    name = lane.attributes.get("id", "")[:64]
    if _cars(lane):
        if speed <= 0:
            raise TaskError("out_of_range", f"line {lane.line}: lane {name!r} has a speed of {speed:g} m/s",
                            "give the speed that is allowed, or close the lane: disallow=\"all\"", NETWORK_PATH)
        if speed > FASTEST_M_PER_S:
            left.doubt("implausible", f"line {lane.line}: lane {name!r} has a speed of {speed:g} m/s, which is "
                       f"{3.6 * speed:.0f} km/h; is it in km/h?", NETWORK_PATH)
        elif speed > FAST_M_PER_S:
            left.tell(f"there are lanes of more than {FAST_M_PER_S:g} m/s ({3.6 * FAST_M_PER_S:g} km/h): speeds were "
                      "taken to be in m/s")
    return max(0.1, speed)


def _edges(root: Element, classes: frozenset[str], left: Left) -> tuple[dict[str, Edge], dict[str, _Inner]]:
    """Roads by id, and the lanes inside junctions by lane id."""
    edges: dict[str, Edge] = {}
    inside: dict[str, _Inner] = {}
    for element in root.children:
        if element.tag != "edge":
            continue
        lanes = sorted((e for e in element.children if e.tag == "lane"),
                       key=lambda e: number(e, "index", NETWORK_PATH))
        sizes = [_Inner(number(lane, "length", NETWORK_PATH), _speed(lane, left))
                 for lane in lanes]
        if element.attributes.get("function", "normal") == "normal":
            usable = tuple(_cars(lane) for lane in lanes)
            others = tuple(frozenset[str]() if ok else _allowed(lane, classes)
                           for lane, ok in zip(lanes, usable, strict=True))
            open_ = usable if any(usable) else map(bool, others)
            fastest = min((size.travel_s for size, ok in zip(sizes, open_, strict=True) if ok), default=math.inf)
            edges[element.attributes.get("id", "")] = Edge(
                element.attributes.get("to", ""), fastest, usable, others, element.attributes.get("from", ""),
                min((size.length_m for size in sizes), default=0.0))
        else:
            inside.update((lane.attributes.get("id", ""), size) for lane, size in zip(lanes, sizes, strict=True))
    return edges, inside


@dataclass(slots=True)
class _Guarded:
    """A connection that a signal guards."""

    source: str
    target: str
    lane: int
    signal: int
    speed_m_per_s: float
    """Of its lane inside the junction, which SUMO sets by the turn's radius."""
    place: Place | None
    """Its junction and its index in the request table there."""
    apart: bool = False
    """True if cars may not take it."""

    @property
    def movement(self) -> str:
        return f"{self.source} > {self.target}" + " apart from cars" * self.apart

    @property
    def lane_name(self) -> str:
        return f"{self.source}_{self.lane}"


@dataclass(slots=True)
class _Signals:
    """The connections that signals guard, by signal id."""

    programmes: Programmes
    requests: Requests
    cars: dict[str, list[_Guarded]] = field(default_factory=dict)
    apart: dict[str, list[_Guarded]] = field(default_factory=dict)
    guards: dict[str, dict[int, set[Place | None]]] = field(default_factory=dict)
    """Per signal id and its letters the ways across the junction, for cars or not."""
    ways: dict[Place, tuple[str, str]] = field(default_factory=dict)
    """Of these, from where to where they lead."""
    halved: set[Place | None] = field(default_factory=set)
    """Ways of bicycles that turn in two halves, each with its own signal."""
    joined: list[str] = field(default_factory=list)
    """Signal ids where ways with protected green at once lead into one road."""
    on_foot: list[str] = field(default_factory=list)
    """Signal ids where ways with green at once may conflict that no cars take, or of which one is halved."""
    walks: dict[str, set[int]] = field(default_factory=dict)
    """Per signal id the letters that people on foot obey."""

    def junction(self, name: str) -> Junction:
        """The programme with its conflicts and the signals that are not for cars. Raises ``unsafe_programme``."""
        junction = self.programmes.of(name)
        assert junction is not None
        guards, cars = self.guards[name], {link.signal for link in self.cars[name]}
        joined, on_foot = self.requests.together(junction, guards, self.ways, {way.place for way in self.cars[name]},
                                                 self.halved)
        if joined:
            self.joined.append(name)
        if on_foot:
            self.on_foot.append(name)
        foes = crossing(len(junction.phases[0].signals), self.requests.conflicts(name, guards))
        return freed(replace(junction, foes=foes, others=frozenset(guards.keys() - cars),
                             walks=frozenset(self.walks.get(name, set()) - cars)))


def read_network(text: str, vehicle_m: float = VEHICLE_M, left: Left | None = None,
                 classes: frozenset[str] = frozenset()) -> tuple[Network, Roads]:
    """Parses a .net.xml; in a queue a vehicle takes ``vehicle_m``. What is not taken into account goes to ``left``.

    Where cars may not drive, vehicles of other ``classes`` may; where signals for cars guard that, it is a movement.

    Raises TaskError: bad_xml, bad_programme, nema_programme, unknown_programme, branching_programme, no_foes,
    unsafe_programme, out_of_range, implausible, no_signals, too_large.
    """
    left = Left() if left is None else left
    root = NETWORK.read(text, NETWORK_PATH, left)
    edges, inside = _edges(root, classes, left)
    signals = _connect(root, edges, inside)
    guarded = {name: own + signals.apart.get(name, []) for name, own in signals.cars.items()}
    if not guarded:
        by_hand = signals.programmes.by_hand()
        if by_hand:
            raise TaskError("bad_programme", f"signal {by_hand[0][:64]!r}, like all {len(by_hand)} that guard a road "
                            "for cars, is switched by hand or by trains (a phase of more than 600 s, or a level "
                            "crossing)", "give programmes that run by the clock, of at most 600 s", NETWORK_PATH)
        raise TaskError("no_signals", "the network has no junction whose signals guard a road for cars",
                        "is it the right network? junctions need a <tlLogic> and connections with its id",
                        NETWORK_PATH)
    links = [link for group in guarded.values() for link in group]
    found = _roads(list(dict.fromkeys(link.source for link in links)), edges, vehicle_m)
    junctions = [(signals.junction(name), _approaches(guarded[name], signals.requests, found, vehicle_m))
                 for name in sorted(guarded)]
    signals.programmes.tell(left)
    if signals.joined:
        left.tell(f"{len(signals.joined)} signals ({', '.join(signals.joined)[:80]}) show protected green (G) to two "
                  "ways into one road at once: who gives way there by the request table was not simulated")
    if signals.on_foot:
        left.tell(f"{len(signals.on_foot)} signals ({', '.join(signals.on_foot)[:80]}) show green at once to "
                  "bicycles or people on foot whose ways conflict, or to bicycles that turn in two halves and to "
                  "what one half may cross: every plan leaves that as it is")
    network = build(junctions)
    ends = {link.movement: link for link in links}
    for i, name in enumerate(network.movements):
        link = ends[name]
        ways = edges[link.source].apart if link.apart else edges[link.source].onward
        ways[link.target].movement = i
    unruled = {e.attributes.get("id", "") for e in root.children
               if e.tag == "junction" and e.attributes.get("type") == "unregulated"}
    return network, Roads(edges, frozenset(unruled))


def _connect(root: Element, edges: dict[str, Edge], inside: dict[str, _Inner]) -> _Signals:
    """Joins the edges by the connections that cars, or others asked for, may take, and finds what signals guard."""
    connections = [e for e in root.children if e.tag == "connection"]
    followers = {f"{e.attributes.get('from')}_{e.attributes.get('fromLane')}": e.attributes["via"]
                 for e in connections if e.attributes.get("from", "").startswith(":") and "via" in e.attributes}
    crossings = {e.attributes.get("id", "") for e in root.children if e.attributes.get("function") == "crossing"}
    signals = _Signals(Programmes(root), Requests(root, followers))
    found: list[tuple[Element, str, str]] = []
    for element in connections:
        source, target, via, signal = (element.attributes.get(key, "") for key in ("from", "to", "via", "tl"))
        if signal:
            found.append((element, signal, via or f"{target}_{element.attributes.get('toLane', '0')}"))
        if source not in edges or target not in edges:
            continue
        lane = int(number(element, "fromLane", NETWORK_PATH))
        if not 0 <= lane < len(edges[source].lanes):
            continue
        cars = edges[source].lanes[lane] and _cars(element)
        others = frozenset() if cars else _allowed(element, edges[source].others[lane])
        if not cars and not others:
            continue
        parts = [inside[name] for name in (via, followers.get(via, "")) if name in inside]
        junction = signals.programmes.of(signal) if signal else None
        ways = edges[source].onward if cars else edges[source].apart
        crossing = Crossing(sum(part.travel_s for part in parts), junction is not None)
        ways.setdefault(target, crossing).classes |= others
        if junction is not None:
            (signals.cars if cars else signals.apart).setdefault(signal, []).append(_Guarded(
                source, target, lane, _signal(element, "linkIndex", junction),
                min((part.speed_m_per_s for part in parts), default=SPEED_M_PER_S), signals.requests.place(via),
                not cars))
    for element, name, inner in found:
        if name in signals.cars:
            junction = signals.programmes.of(name)
            assert junction is not None
            for key in {"linkIndex", "linkIndex2"} & element.attributes.keys():
                letter = _signal(element, key, junction)
                place = signals.requests.place(inner)
                signals.guards.setdefault(name, {}).setdefault(letter, set()).add(place)
                if place is not None:
                    signals.ways[place] = element.attributes.get("from", ""), element.attributes.get("to", "")
                if element.attributes.get("via") and element.attributes.get("from", "").startswith(":"):
                    signals.halved.add(place)
                if element.attributes.get("to") in crossings:
                    signals.walks.setdefault(name, set()).add(letter)
    return signals


def _signal(element: Element, key: str, junction: Junction) -> int:
    signal = int(number(element, key, NETWORK_PATH))
    if not 0 <= signal < len(junction.phases[0].signals):
        raise TaskError("bad_programme", f"line {element.line}: signal {junction.id[:64]!r} has no letter {signal}",
                        "its states are shorter than its connections need", NETWORK_PATH)
    return signal


def _roads(sources: list[str], edges: dict[str, Edge], vehicle_m: float) -> dict[str, Road]:
    """How far back each approach's lanes reach: over edges that only they continue, without signals between.

    Its street reaches as far where fewer lanes lead to it (a turn has a pocket of its own), but not back over a fork.
    """
    before: dict[str, list[str]] = {}
    wide = {name: sum(edge.lanes) for name, edge in edges.items()}
    forks = set()
    for name, edge in edges.items():
        onward = [target for target in edge.onward if edges[target].to != edge.start]  # not by turning round
        for target in onward:
            before.setdefault(target, []).append(name)
        if len(onward) > 1:
            forks.add(name)
    found = {}
    for source in sources:
        width, back = wide[source], [source, *_back(source, edges, before)]
        even = next((i for i, name in enumerate(back) if wide[name] < width), len(back))
        feeders = max((wide[name] for name in before.get(back[even - 1], [])), default=1)
        length_m = sum(edges[name].length_m for name in back[:even])
        alone = next((i for i, name in enumerate(back) if i and name in forks), len(back))
        street = sum(int(edges[name].length_m / vehicle_m) * max(1, wide[name]) for name in back[:alone])
        found[source] = Road(source, max(1, min(MAX_ROOM - 1, int(length_m / vehicle_m))),
                             max(1, min(feeders, width)), max(1, street))
    return found


def _back(source: str, edges: dict[str, Edge], before: dict[str, list[str]]) -> Iterator[str]:
    """The edges that lead to ``source`` one after the other, as long as there is one, which no signal ends."""
    at = source
    for _ in range(MAX_ROAD_EDGES):
        feeding = before.get(at, [])
        if len(feeding) != 1 or edges[feeding[0]].onward[at].guarded:
            break
        at = feeding[0]
        yield at


def headway_ds(speed_m_per_s: float, vehicle_m: float) -> int:
    """Time between vehicles that leave a queue at this speed, in 0.1 s.

    1.3 s plus 1.2 times what a vehicle's length takes: SUMO 1.28's own cars on a generated junction, 8 to
    19 m/s, straight and turning, in queues of 5.8 and 7.5 m per car, within 0.1 s.
    """
    return round(13 + 12 * vehicle_m / max(2.0, speed_m_per_s))


def _approaches(links: list[_Guarded], requests: Requests, roads: dict[str, Road], vehicle_m: float
                ) -> list[Approach]:
    """Groups a signal's connections by movement; who gives way comes from the junction's own response matrix."""
    movements: dict[str, dict[str, list[_Guarded]]] = {}
    by_place: dict[tuple[str, int], _Guarded] = {}
    for link in links:
        movements.setdefault(link.movement, {}).setdefault(link.lane_name, []).append(link)
        if link.place is not None:
            by_place[link.place] = link
    found = []
    for name, lanes in movements.items():
        asked = {link.place for group in lanes.values() for link in group if link.place is not None}
        others = [by_place[place] for own in asked for place in requests.yields_to(own) if place in by_place]
        first = [group[0] for group in lanes.values()]
        headway = headway_ds(min(link.speed_m_per_s for link in first), vehicle_m)
        found.append(Approach(name, roads[first[0].source], min(headway, 127),
                              tuple((link.lane_name, link.signal) for link in first),
                              frozenset((other.movement, other.lane_name) for other in others
                                        if other.movement != name)))
    return found
