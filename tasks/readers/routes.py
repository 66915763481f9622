"""Reads SUMO's demand files and lays every vehicle's way out as the signals it passes.

Formats: SUMO documentation, "Definition of Vehicles, Vehicle Types, and Routes".
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.network import VEHICLE_M, Demand, Steps, collect
from lamplighter.tasks.readers.safexml import Element, number, parse
from lamplighter.tasks.readers.sumo import Roads

ROUTES_PATH = "/sumo/routes_xml"
MAX_VEHICLES = 50_000
MAX_VISITED = 1_000_000
"""Edges that the searches for trips' ways may look at, all together."""
MAX_DRAWN = 500_000
"""Departures that flows may have, within the period and without."""
_TAGS = frozenset({"vehicle", "trip", "flow", "route", "vType"})


def lay(roads: Roads, way: tuple[str, ...]) -> Steps:
    """Signals passed on a way of connected edges, with the free travel time between them."""
    steps = []
    travel_s = 0.0
    for here, there in pairwise(way):
        crossing = roads.edges[here].onward[there]
        travel_s += roads.edges[here].travel_s
        if crossing.movement is not None:
            steps.append((crossing.movement, min(36_000, round(10 * travel_s))))
            travel_s = 0.0
        travel_s += crossing.travel_s
    return tuple(steps)


@dataclass(slots=True)
class _Ways:
    """Turns what elements say of their ways into steps, each once: a way may be long, and of many vehicles."""

    roads: Roads
    named: dict[str, tuple[str, ...]]
    """Edges of the routes that have an id."""
    laid: dict[tuple[str, ...], Steps]
    shortest: dict[tuple[str, str], tuple[str, ...]]
    visited: int = 0

    def steps(self, who: Element) -> Steps:
        """Signals passed on the way of an element, with the free travel time between them."""
        said = _said(who)
        if said not in self.laid:
            edges = self._edges(said, who)
            if not edges:
                raise _broken(who, "it has no route")
            self.laid[said] = self._lay(edges, who)
        return self.laid[said]

    def _edges(self, said: tuple[str, ...], who: Element) -> tuple[str, ...]:
        """By its own route, by one with an id, or by a search from stop to stop."""
        what, *words = said
        if what == "edges":
            return tuple(words[0].split())
        if what == "route":
            return self.named.get(words[0], ())
        return tuple(chain(words[:1], *(self.between(*pair, who)[1:] for pair in pairwise(words))))

    def _lay(self, edges: tuple[str, ...], who: Element) -> Steps:
        for name in edges:
            if name not in self.roads.edges:
                raise _broken(who, f"edge {name[:64]!r} is not in the network")
        for here, there in pairwise(edges):
            if there not in self.roads.edges[here].onward:
                raise _broken(who, f"no connection for cars from {here[:64]!r} to {there[:64]!r}")
        return lay(self.roads, edges)

    def between(self, start: str, goal: str, who: Element) -> tuple[str, ...]:
        """The way of least free travel time (Dijkstra 1959)."""
        if (start, goal) not in self.shortest:
            for name in (start, goal):
                if name not in self.roads.edges:
                    raise _broken(who, f"edge {name[:64]!r} is not in the network")
            self.shortest[start, goal] = self._search(start, goal, who)
        return self.shortest[start, goal]

    def _search(self, start: str, goal: str, who: Element) -> tuple[str, ...]:
        edges = self.roads.edges
        before = {start: start}
        open_: list[tuple[float, str, str]] = [(0.0, start, start)]
        done: set[str] = set()
        while open_:
            time, name, came = heapq.heappop(open_)
            if name in done:
                continue
            done.add(name)
            self.visited += 1 + len(edges[name].onward)
            if self.visited > MAX_VISITED:
                raise TaskError("too_large", "the ways of the trips take too long to find",
                                "give vehicles with routes, as duarouter writes them", ROUTES_PATH)
            before[name] = came
            if name == goal:
                way = [goal]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return tuple(reversed(way))
            for target, crossing in edges[name].onward.items():
                if target not in done:
                    heapq.heappush(open_, (time + edges[name].travel_s + crossing.travel_s, target, name))
        raise _broken(who, f"no way for cars from {start[:64]!r} to {goal[:64]!r}")


def _broken(who: Element, why: str) -> TaskError:
    name = who.attributes.get("id", "?")[:64]
    return TaskError("broken_route", f"{who.tag} {name!r} (line {who.line}): {why}",
                     "do network and routes belong together?", ROUTES_PATH)


def _said(element: Element) -> tuple[str, ...]:
    """What an element says of its way: no longer than itself, however long that is."""
    own = next((child for child in element.children if child.tag == "route"), None)
    given = element.attributes
    if own is not None:
        return "edges", own.attributes.get("edges", "")
    if "route" in given:
        return "route", given["route"]
    return "stops", given.get("from", ""), *given.get("via", "").split(), given.get("to", "")


def _departures(element: Element, rng: random.Random) -> Iterator[float]:
    """Departures in seconds: one of a vehicle or trip, many of a flow (evenly spaced, or Poisson)."""
    if element.tag != "flow":
        yield number(element, "depart", ROUTES_PATH)
        return
    begin, end = (number(element, name, ROUTES_PATH, default) for name, default in (("begin", "0"), ("end", None)))
    given = element.attributes
    if "number" in given:
        count = number(element, "number", ROUTES_PATH)
        step = (end - begin) / max(1.0, count)
    elif "probability" in given:
        step, count = 1 / max(1e-6, number(element, "probability", ROUTES_PATH)), 1e9
    elif any(name in given for name in ("vehsPerHour", "perHour")):
        name = "vehsPerHour" if "vehsPerHour" in given else "perHour"
        step, count = 3600 / max(1e-3, number(element, name, ROUTES_PATH)), 1e9
    else:
        step, count = number(element, "period", ROUTES_PATH), 1e9
    time, made = begin, 0
    while time < end and made < min(count, MAX_VEHICLES + 1):
        yield time
        time += rng.expovariate(1 / step) if "probability" in given else max(0.01, step)
        made += 1


def parse_routes(text: str) -> Element:
    """The elements of a routes file. Raises TaskError: bad_xml."""
    return parse(text, "routes", _TAGS, ROUTES_PATH)


def vehicle_m(routes: Element) -> float:
    """What one vehicle takes of a queue: the mean of length and gap over vehicles, trips and flows."""
    types = {e.attributes.get("id", ""):
             number(e, "length", ROUTES_PATH, "5") + number(e, "minGap", ROUTES_PATH, "2.5")
             for e in routes.children if e.tag == "vType"}
    lengths = [types.get(e.attributes.get("type", ""), VEHICLE_M) for e in routes.children
               if e.tag in ("vehicle", "trip", "flow")]
    return max(1.0, sum(lengths) / len(lengths)) if lengths else VEHICLE_M


def read_routes(routes: Element, roads: Roads, start_s: float, end_s: float, seed: int) -> Demand:
    """Reads vehicles, trips and flows that depart in [start_s, end_s).

    Trips without a route take the way of least free travel time. Raises TaskError: broken_route,
    zero_demand, too_large.
    """
    named = {e.attributes.get("id", ""): tuple(e.attributes.get("edges", "").split())
             for e in routes.children if e.tag == "route"}
    ways = _Ways(roads, named, {}, {})
    rng = random.Random(seed)  # noqa: S311 (arrivals, not secrets)
    trips: list[tuple[int, Steps]] = []
    drawn = 0
    for element in routes.children:
        if element.tag in ("route", "vType"):
            continue
        every = list(_departures(element, rng))
        drawn += len(every)
        if drawn > MAX_DRAWN:
            raise TaskError("too_large", f"more than {MAX_DRAWN} departures, most of them outside of the period",
                            "cut the flows to the period in question", ROUTES_PATH)
        times = [t for t in every if start_s <= t < end_s]
        if times:
            steps = ways.steps(element)
            trips.extend((round(10 * t), steps) for t in times)
        if len(trips) > MAX_VEHICLES:
            raise TaskError("too_large", f"more than {MAX_VEHICLES} vehicles in the period",
                            "set period_start_s and period_end_s to the hours in question", ROUTES_PATH)
    return collect(trips)
