"""Reads SUMO's demand files and lays every vehicle's way out as the signals it passes.

Formats: SUMO documentation, "Definition of Vehicles, Vehicle Types, and Routes".
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.network import VEHICLE_M, Demand, Steps, collect
from lamplighter.tasks.readers.safexml import Element
from lamplighter.tasks.readers.sumo import Roads
from lamplighter.tasks.readers.sumoxml import ROUTES, ROUTES_PATH, STOPS
from lamplighter.tasks.readers.vehicles import CARS, OFF_THE_STREET, Draw, Types, departures, draw

MAX_VEHICLES = 50_000
MAX_VISITED = 1_000_000
"""Edges that the searches for trips' ways may look at, and that their ways may have, all together."""
MAX_DRAWN = 500_000
"""Departures that detectors may have counted, within the period and without."""
CROWDED_PER_HOUR = 1_200
"""Vehicles that cross a junction of three and more roads where nobody gives way: more lock one another in SUMO."""
_PEOPLE = {"person": "person", "personFlow": "flow of people", "container": "container",
           "containerFlow": "flow of containers"}

Said = tuple[str, ...]
"""What an element says of its way."""


def lay(roads: Roads, way: tuple[str, ...], sort: str = "passenger") -> Steps:
    """Signals passed on a way of connected edges by a vehicle of a class, with the free travel time between them."""
    steps = []
    travel_s = 0.0
    for here, there in pairwise(way):
        crossing = roads.edges[here].ways(sort)[there]
        travel_s += roads.edges[here].travel_s
        if crossing.movement is not None:
            steps.append((crossing.movement, min(36_000, round(10 * travel_s))))
            travel_s = 0.0
        travel_s += crossing.travel_s
    return tuple(steps)


def crowded(roads: Roads, ways: Mapping[tuple[str, ...], int], trips: Sequence[tuple[int, Steps]], left: Left
            ) -> tuple[str, ...]:
    """Junctions that nothing regulates and too many cross; told. ``ways`` are how many vehicles take each."""
    into = Counter(edge.to for edge in roads.edges.values())
    passed: Counter[str] = Counter()
    for way, count in ways.items():
        for name in way[:-1]:
            if roads.edges[name].to in roads.unruled and into[roads.edges[name].to] > 2:
                passed[roads.edges[name].to] += count
    hours = max(300.0, (max(trips)[0] - min(trips)[0]) / 10) / 3600 if trips else 1.0
    found = tuple(sorted(name for name, count in passed.items() if count > CROWDED_PER_HOUR * hours))
    if found:
        left.tell(f"more than {CROWDED_PER_HOUR} vehicles an hour cross junctions where nobody gives way "
                  f"({', '.join(found)[:80]}): how they wait there was not simulated")
    return found


class NoWay(TaskError):
    """A way leads where cars may not drive."""


@dataclass(slots=True)
class _Ways:
    """Turns what elements say of their ways into steps, each once: a way may be long, and of many vehicles."""

    roads: Roads
    named: dict[str, Said]
    """The ways of the routes that have an id."""
    mixed: dict[str, Draw[Said]]
    """The distributions by id."""
    laid: dict[tuple[Said, str], Steps] = field(default_factory=dict)
    shortest: dict[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict)
    visited: int = 0
    edges: dict[tuple[Said, str], tuple[str, ...]] = field(default_factory=dict)
    taken: Counter[tuple[Said, str]] = field(default_factory=Counter)

    def said(self, who: Element) -> Draw[Said]:
        """What an element says of its way: no longer than itself, however long that is."""
        own = next((child for child in who.children if child.tag in ("route", "routeDistribution")), None)
        given = who.attributes
        if own is not None and own.tag == "route":
            return Draw((("edges", own.attributes.get("edges", "")),), (1.0,))
        if own is not None:
            return mixture(own, self.named)
        if "route" in given:
            name = given["route"]
            if name not in self.named and name not in self.mixed:
                raise _broken(who, f"there is no route {name[:64]!r}")
            return self.mixed.get(name) or Draw((self.named[name],), (1.0,))
        if "from" not in given or "to" not in given:
            raise _broken(who, "it has no route" if not {"fromTaz", "toTaz"} & given.keys() else
                          "it goes from zone to zone (fromTaz, toTaz); let duarouter give it a route")
        return Draw((("stops", given["from"], given.get("via", ""), given["to"]),), (1.0,))

    def steps(self, said: Said, who: Element, sort: str) -> Steps:
        """Signals passed on a way by a vehicle of a class, with the free travel time between them.

        Raises NoWay, and TaskError else.
        """
        if (said, sort) not in self.laid:
            what, *words = said
            edges = tuple(words[0].split()) if what == "edges" else self._by_way_of(words, who, sort)
            if not edges:
                raise _broken(who, "its route has no edges")
            self.laid[said, sort] = self._lay(edges, who, sort)
            self.edges[said, sort] = edges
        self.taken[said, sort] += 1
        return self.laid[said, sort]

    def _by_way_of(self, words: list[str], who: Element, sort: str) -> tuple[str, ...]:
        """The edges from one to another by way of those that ``via`` lists."""
        start, via, goal = words
        way = [start]
        for pair in pairwise((start, *via.split(), goal)):
            way += self.between(*pair, who, sort)[1:]
        return tuple(way)

    def _visit(self, edges: int) -> None:
        """Raises TaskError ``too_large`` when there were too many."""
        self.visited += edges
        if self.visited > MAX_VISITED:
            raise TaskError("too_large", "the ways of the trips take too long to find",
                            "give vehicles with routes, as duarouter writes them", ROUTES_PATH)

    def _lay(self, edges: tuple[str, ...], who: Element, sort: str) -> Steps:
        for name in edges:
            if name not in self.roads.edges:
                raise _broken(who, f"edge {name[:64]!r} is not in the network")
        for here, there in pairwise(edges):
            if there not in self.roads.edges[here].ways(sort):
                raise _broken(who, f"no connection for cars from {here[:64]!r} to {there[:64]!r}", NoWay)
        return lay(self.roads, edges, sort)

    def between(self, start: str, goal: str, who: Element, sort: str) -> tuple[str, ...]:
        """The way of least free travel time for a class (Dijkstra 1959)."""
        known = self.shortest.get((start, goal, sort))
        if known is not None:
            self._visit(len(known))
            return known
        for name in (start, goal):
            if name not in self.roads.edges:
                raise _broken(who, f"edge {name[:64]!r} is not in the network")
        found = self.shortest[start, goal, sort] = self._search(start, goal, who, sort)
        return found

    def _search(self, start: str, goal: str, who: Element, sort: str) -> tuple[str, ...]:
        edges = self.roads.edges
        before = {start: start}
        open_: list[tuple[float, str, str]] = [(0.0, start, start)]
        done: set[str] = set()
        while open_:
            time, name, came = heapq.heappop(open_)
            if name in done:
                continue
            done.add(name)
            ways = edges[name].ways(sort)
            self._visit(1 + len(ways))
            before[name] = came
            if name == goal:
                way = [goal]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return tuple(reversed(way))
            for target, crossing in ways.items():
                if target not in done:
                    heapq.heappush(open_, (time + edges[name].travel_s + crossing.travel_s, target, name))
        raise _broken(who, f"no way for cars from {start[:64]!r} to {goal[:64]!r}", NoWay)


def _broken(who: Element, why: str, error: type[TaskError] = TaskError) -> TaskError:
    name = who.attributes.get("id", "?")[:64]
    return error("broken_route", f"{who.tag} {name!r} (line {who.line}): {why}",
                 "do network and routes belong together?", ROUTES_PATH)


def mixture(element: Element, named: dict[str, Said]) -> Draw[Said]:
    """A <routeDistribution>: routes of its own, or references to ``named`` ones. Raises TaskError."""
    members: list[tuple[Said, Element]] = []
    for child in element.children:
        name = child.attributes.get("refId")
        if name is not None and name not in named:
            raise _broken(child, f"there is no route {name[:64]!r}")
        members.append((("edges", child.attributes.get("edges", "")) if name is None else named[name], child))
    return draw(element, members, named, "routes")


def parse_routes(text: str, left: Left | None = None) -> Element:
    """The elements of a routes file; what is not taken into account goes to ``left``.

    Raises TaskError: bad_xml, not_understood, unsupported.
    """
    root = ROUTES.read(text, ROUTES_PATH, Left() if left is None else left)
    found: list[Element] = []
    for element in root.children:
        if element.tag != "interval":
            found.append(element)
            continue
        for flow in element.children:   # they begin and end with the interval
            flow.attributes.update(element.attributes)
            found.append(flow)
    root.children = found
    return root


def vehicle_m(routes: Element) -> float:
    """What one vehicle takes of a queue: the mean of length and gap over vehicles, trips and flows."""
    types = Types(routes)
    rooms = [room for e in routes.children if e.tag in ("vehicle", "trip", "flow")
             if (room := types.room_m(e)) is not None]
    return max(1.0, sum(rooms) / len(rooms)) if rooms else VEHICLE_M


def classes(routes: Element) -> frozenset[str]:
    """The classes of vehicles that queue among cars and may go where cars may not."""
    types = Types(routes)
    moving = (e for e in routes.children if e.tag in ("vehicle", "trip", "flow"))
    draws = {id(draw): draw for draw in map(types.of, moving)}
    return frozenset(one.sort for draw in draws.values() for one in draw.things) - OFF_THE_STREET - CARS


def read_routes(routes: Element, roads: Roads, start_s: float, end_s: float, seed: int, left: Left | None = None
                ) -> Demand:
    """Reads vehicles, trips and flows that depart in [start_s, end_s).

    Trips without a route take the way of least free travel time; of distributions each vehicle draws its own. What
    is no part of the queues at signals goes to ``left``: people, bicycles, trains, stops, and vehicles other than
    cars that go where they may not. Raises TaskError: broken_route, bad_distribution, zero_demand, too_large.
    """
    left = Left() if left is None else left
    named: dict[str, Said] = {
        e.attributes["id"]: ("edges", e.attributes.get("edges", ""))
        for e in (*routes.children, *(child for mix in routes.children if mix.tag == "routeDistribution"
                                      for child in mix.children))
        if e.tag == "route" and "id" in e.attributes}
    ways = _Ways(roads, named, {e.attributes.get("id", ""): mixture(e, named) for e in routes.children
                                if e.tag == "routeDistribution"})
    types = Types(routes)
    rng = random.Random(seed)  # noqa: S311 (arrivals, not secrets)
    trips: list[tuple[int, Steps]] = []
    for element in routes.children:
        if element.tag in _PEOPLE:
            left.out(_PEOPLE[element.tag], "only vehicles queue at signals", element.attributes.get("id", ""))
        elif element.tag in STOPS:
            left.out(STOPS[element.tag], "vehicles are taken to drive through", element.attributes.get("id", ""))
        elif element.tag in ("vehicle", "trip", "flow"):
            trips += _trips(element, ways, types, islice(departures(element, start_s, end_s, rng), MAX_VEHICLES + 1),
                            rng, left)
        if len(trips) > MAX_VEHICLES:
            raise TaskError("too_large", f"more than {MAX_VEHICLES} vehicles in the period",
                            "set period_start_s and period_end_s to the hours in question", ROUTES_PATH)
    for name in sorted(types.unknown):
        left.tell(f"vehicle type {name[:64]!r} is not in the file: its vehicles were taken for cars")
    taken: Counter[tuple[str, ...]] = Counter()
    for key, count in ways.taken.items():
        taken[ways.edges[key]] += count
    return replace(collect(trips), crowded=crowded(roads, taken, trips, left))


def _trips(element: Element, ways: _Ways, types: Types, times: Iterable[float], rng: random.Random, left: Left
           ) -> Iterator[tuple[int, Steps]]:
    """The vehicles of an element as departure, in 0.1 s, and way."""
    drawn, said = types.of(element), None
    stops = sum(child.tag == "stop" for child in element.children)
    name = element.attributes.get("id", "")
    for time in times:
        sort = drawn.one(rng).sort
        if sort in OFF_THE_STREET:
            left.out(f"vehicle of class {sort}", "it does not queue among cars", name)
            continue
        said = ways.said(element) if said is None else said
        try:
            yield round(10 * time), ways.steps(said.one(rng), element, sort)
        except NoWay:
            if sort in CARS:
                raise
            left.out(f"vehicle of class {sort}", "its way leads where it may not drive: its delay is not counted",
                     name)
            continue
        if stops:
            left.out("stop", "vehicles are taken to drive through", name, stops)
