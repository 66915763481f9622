"""Whether queues fit their streets.

A device lets those who find their lanes full queue before the approach, however many they are. In a street they would
stand on the junction before it and keep others from passing, who keep others: at worst nobody moves any more.
"""

from __future__ import annotations

from itertools import accumulate

from lamplighter.tasks.readers.network import MAX_ROOM, Demand, Network
from lamplighter.tasks.traffic.signals.jobs import Cost
from lamplighter.tasks.traffic.signals.method.regions import crossings
from lamplighter.tasks.traffic.signals.spec import Plan

FULL = 0.08
"""Queues change over the cycle and the period, and one approach has more than another: where those who wait take so
much of a junction's lanes on average, some queue may take all of its street."""
LEAST_PERIOD_DS = 3000


def full(network: Network, demand: Demand, plan: Plan, cost: Cost) -> set[int]:
    """The junctions before which a queue may be longer than its street under a plan of this cost.

    By what waits there on average, as devices found it, who know who gives way; and by the longest queue before each
    approach that vehicles reach from other signals, which the host finds with point queues.
    """
    lanes: dict[int, set[int]] = {}
    approaches: dict[int, set[int]] = {}
    for link in network.links:
        lanes.setdefault(link.junction, set()).add(link.lane)
        approaches.setdefault(network.lanes[link.lane][0], set()).add(link.lane)
    time = len(cost.replicas) * max(LEAST_PERIOD_DS, demand.end_ds - demand.begin_ds)
    return {j for j, own in lanes.items() if cost.junctions[j] > FULL * time * _room(network, own)} | {
        junction for approach, (longest, junction) in _longest(network, demand, plan).items()
        if longest >= _room(network, approaches[approach])}


def _longest(network: Network, demand: Demand, plan: Plan) -> dict[int, tuple[int, int]]:
    """Per approach that is reached from other signals how many queue before it at most, and its junction."""
    links = {link.movement: link for link in network.links}
    changes: dict[int, list[tuple[int, int]]] = {}
    between: dict[int, int] = {}
    vehicles = list(demand.vehicles)
    for (time, route), left in zip(vehicles, crossings(network, demand, vehicles, plan), strict=True):
        for i, ((movement, travel), leaves) in enumerate(zip(demand.routes[route], left, strict=True)):
            approach = network.lanes[links[movement].lane][0]
            if i:
                between[approach] = links[movement].junction
            changes.setdefault(approach, []).extend(((time + travel, 1), (leaves, -1)))
            time = leaves
    return {approach: (max(accumulate(change for _, change in sorted(changes[approach]))), junction)
            for approach, junction in between.items()}


def _room(network: Network, lanes: set[int]) -> float:
    """Vehicles that lanes have room for; infinity where it is not known of one."""
    rooms = [network.lanes[lane][1] for lane in lanes]
    return float("inf") if MAX_ROOM in rooms else sum(rooms)
