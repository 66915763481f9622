"""Cuts a city into regions that fit a device, and its vehicles' ways at the borders between them.

Junctions that many vehicles pass one after the other come into one region, as in Kruskal's tree. When a vehicle
crosses a border is found by point queues on the host: lanes that let vehicles go one by one at green, under the
plans found so far, so that what one region does to its neighbours' arrivals is seen there in the next round.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from lamplighter.tasks.readers.network import LETTERS, Demand, Link, Network, Steps
from lamplighter.tasks.traffic.signals.spec import Plan, Region

START_UP_DS = 35
MOST_JUNCTIONS = 16

Vehicles = list[tuple[int, int]]
"""Departure in 0.1 s, and route."""


def grouped(network: Network, demand: Demand, most: int) -> list[tuple[int, ...]]:
    """Groups of at most ``most`` junctions, joined where most vehicles go from one to the other."""
    at = {link.movement: link.junction for link in network.links}
    between: Counter[tuple[int, int]] = Counter()
    for route, count in Counter(route for _, route in demand.vehicles).items():
        for (a, _), (b, _) in pairwise(demand.routes[route]):
            if at[a] != at[b]:
                between[min(at[a], at[b]), max(at[a], at[b])] += count
    group = [[j] for j in range(len(network.junctions))]
    for (a, b), _ in sorted(between.items(), key=lambda item: (-item[1], item[0])):
        if group[a] is not group[b] and len(group[a]) + len(group[b]) <= most:
            group[a] += group[b]
            for j in group[a]:
                group[j] = group[a]
    return sorted({tuple(sorted(own)) for own in group})


def parts(network: Network, groups: Sequence[tuple[int, ...]]) -> list[Region]:
    """The network of each group of junctions alone."""
    of: list[list[tuple[int, Link]]] = [[] for _ in network.junctions]
    for k, link in enumerate(network.links):
        of[link.junction].append((k, link))
    return [_part(network, junctions, [pair for j in sorted(junctions) for pair in of[j]]) for junctions in groups]


def _part(network: Network, junctions: tuple[int, ...], links: Sequence[tuple[int, Link]]) -> Region:
    numbers = {k: i for i, (k, _) in enumerate(links)}
    movements = {m: i for i, m in enumerate(dict.fromkeys(link.movement for _, link in links))}
    lanes = {lane: i for i, lane in enumerate(dict.fromkeys(link.lane for _, link in links))}
    approaches = {a: i for i, a in enumerate(dict.fromkeys(network.lanes[lane][0] for lane in lanes))}
    places = {j: i for i, j in enumerate(junctions)}

    def moved(link: Link) -> Link:
        return replace(link, junction=places[link.junction], movement=movements[link.movement],
                       lane=lanes[link.lane], waits=tuple(numbers[k] for k in link.waits))

    own = Network(tuple(network.junctions[j] for j in junctions), tuple(moved(link) for _, link in links),
                  tuple((approaches[network.lanes[lane][0]], network.lanes[lane][1]) for lane in lanes),
                  tuple(network.feeders[a] for a in approaches), tuple(network.streets[a] for a in approaches),
                  tuple(network.movements[m] for m in movements))
    return Region(junctions, own, movements)


def crossings(network: Network, demand: Demand, vehicles: Vehicles, plan: Plan) -> list[list[int]]:
    """Per vehicle when it leaves each stop line of its way under a plan, in 0.1 s: by point queues."""
    greens, cycles = _greens(network, plan)
    options: dict[int, list[Link]] = {}
    for link in network.links:
        options.setdefault(link.movement, []).append(link)
    free = [0] * len(network.lanes)
    left: list[list[int]] = [[] for _ in vehicles]
    coming = [(depart + demand.routes[route][0][1], v) for v, (depart, route) in enumerate(vehicles)]
    heapq.heapify(coming)
    while coming:
        time, v = heapq.heappop(coming)
        steps = demand.routes[vehicles[v][1]]
        link = min(options[steps[len(left[v])][0]], key=lambda link: (free[link.lane], link.lane))
        leaves = _opened(max(time, free[link.lane]), greens[link.movement], cycles[link.junction])
        free[link.lane] = leaves + link.headway_ds
        left[v].append(leaves)
        if len(left[v]) < len(steps):
            heapq.heappush(coming, (leaves + steps[len(left[v])][1], v))
    return left


def _greens(network: Network, plan: Plan) -> tuple[dict[int, list[tuple[int, int]]], list[int]]:
    """Per movement its greens in the cycle, from the absolute second 0 on, and the junctions' cycles."""
    ends: list[list[int]] = []
    for junction, own in zip(network.junctions, plan, strict=True):
        given = iter(own[1:])
        at = [own[0]]
        for phase in junction.phases:
            at.append(at[-1] + (next(given) if phase.adjustable else phase.duration_ds))
        ends.append(at)
    greens: dict[int, list[tuple[int, int]]] = {}
    for link in network.links:
        at = ends[link.junction]
        greens.setdefault(link.movement, [(at[i], at[i + 1]) for i, phase in enumerate(
            network.junctions[link.junction].phases) if phase.signals[link.signal] in LETTERS])
    return greens, [at[-1] - at[0] for at in ends]


def _opened(time: int, greens: list[tuple[int, int]], cycle: int) -> int:
    """The first moment from ``time`` on at which one may go; at once where there is never green."""
    waits = [(begin - time) % cycle for begin, _ in greens]
    if not greens or any((time - begin) % cycle < end - begin for begin, end in greens):
        return time
    return time + min(waits) + START_UP_DS


def shared_out(demand: Demand, regions: Sequence[Region], replicas: Sequence[Vehicles],
               left: Sequence[list[list[int]]]) -> list[tuple[tuple[Steps, ...], list[Vehicles]]]:
    """Per region the routes in it, and for each replica the vehicles that come through, in order of time.

    A vehicle enters a region when it leaves its last stop line before; it may come through more than once.
    """
    where = {movement: r for r, region in enumerate(regions) for movement in region.movements}
    runs = [_runs(route, where, regions) for route in demand.routes]
    routes: list[dict[Steps, int]] = [{} for _ in regions]
    found: list[list[Vehicles]] = [[[] for _ in replicas] for _ in regions]
    for replica, (vehicles, times) in enumerate(zip(replicas, left, strict=True)):
        for (depart, route), passed in zip(vehicles, times, strict=True):
            for r, first, steps in runs[route]:
                number = routes[r].setdefault(steps, len(routes[r]))
                found[r][replica].append((passed[first - 1] if first else depart, number))
    return [(tuple(own), [sorted(vehicles) for vehicles in of_region])
            for own, of_region in zip(routes, found, strict=True)]


def _runs(route: Steps, where: dict[int, int], regions: Sequence[Region]) -> list[tuple[int, int, Steps]]:
    """A route as runs through one region each: the region, the first step, the steps with its movements."""
    found: list[tuple[int, int, Steps]] = []
    for r, run in groupby(enumerate(route), key=lambda step: where[step[1][0]]):
        steps = list(run)
        found.append((r, steps[0][0], tuple((regions[r].movements[movement], travel)
                                            for _, (movement, travel) in steps)))
    return found
