"""Whether queues fit their streets.

A device lets those who find their lanes full queue before the approach, however many they are. In a street they would
stand on the junction before it and keep others from passing, who keep others: at worst nobody moves any more.
"""

from __future__ import annotations

from itertools import accumulate

from lamplighter.tasks.readers.network import Demand, Network
from lamplighter.tasks.traffic.signals.jobs import Cost
from lamplighter.tasks.traffic.signals.method.regions import crossings
from lamplighter.tasks.traffic.signals.spec import Plan

FULL = 0.08
"""Queues change over the cycle and the period, and one approach has more than another: where those who wait take so
much of a junction's streets on average, some queue may take all of its street."""
LEAST_PERIOD_DS = 3000


def full(network: Network, demand: Demand, plan: Plan, cost: Cost) -> set[int]:
    """The junctions before which a queue may be longer than its street under a plan of this cost.

    Only where vehicles come from other signals: by what waits at the junction on average, as devices found it, who
    know who gives way; and by the longest queue before each such approach, which the host finds with point queues.
    """
    approaches: dict[int, set[int]] = {}
    for link in network.links:
        approaches.setdefault(link.junction, set()).add(network.lanes[link.lane][0])
    time = len(cost.replicas) * max(LEAST_PERIOD_DS, demand.end_ds - demand.begin_ds)
    between = _longest(network, demand, plan)
    return {j for j in {junction for _, junction in between.values()}
            if cost.junctions[j] > FULL * time * sum(_rooms(network, approaches[j]))} | {
        junction for approach, (longest, junction) in between.items() if longest >= sum(_rooms(network, {approach}))}


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


def _rooms(network: Network, approaches: set[int]) -> list[float]:
    """Vehicles that streets have room for; infinity where it is not known of one."""
    return [network.streets[approach] or float("inf") for approach in approaches]
