"""A city as regions: each a spec of its own, with the vehicles that come through it under given plans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.groups import bounds
from lamplighter.tasks.readers.network import MAX_TABLE, Demand, Network
from lamplighter.tasks.traffic.signals.jobs import (
    Cost,
    jittered,
    network_context,
    programme_cycle_ds,
    shipped_plan,
    windows,
)
from lamplighter.tasks.traffic.signals.method.regions import (
    MOST_JUNCTIONS,
    Vehicles,
    crossings,
    grouped,
    parts,
    shared_out,
)
from lamplighter.tasks.traffic.signals.method.search import fitted
from lamplighter.tasks.traffic.signals.model import Search
from lamplighter.tasks.traffic.signals.spec import CHECK_SEED, Plan, Region, Spec

SMALLER = (MOST_JUNCTIONS, 12, 8, 6, 4, 3, 2, 1)
"""Junctions of a region at most; fewer where a region is too large for a device."""


def replicas(demand: Demand, search: Search) -> list[Vehicles]:
    """The demand with jittered departures: as often as asked for the search, and as often for the check."""
    return [jittered(demand, 10 * search.jitter_s, seed) for base in (search.seed, CHECK_SEED + search.seed)
            for seed in range(base, base + search.replicas)]


def spec_of(network: Network, demand: Demand, search: Search, cycles_ds: tuple[int, ...], copies: list[Vehicles],
            paths: tuple[str, str], notes: tuple[str, ...] = ()) -> Spec:
    """What one device can hold of: a whole network, or a region. ``paths`` are where network and demand came from.

    Raises TaskError: too_large, too_dense.
    """
    if len(network.lanes) > MAX_TABLE or len(network.movements) > MAX_TABLE:
        raise TaskError("too_large", f"{len(network.lanes)} lanes and {len(network.movements)} movements at signals; "
                        f"{MAX_TABLE} of each fit", "give fewer junctions", paths[0])
    shared = network_context(network, paths[0])
    cut = windows(demand, copies, search.window_s, paths[1])
    return Spec(network, demand, search, cycles_ds, shared,
                tuple(window for copy in cut[:search.replicas] for window in copy),
                tuple(window for copy in cut[search.replicas:] for window in copy), notes)


def cut(network: Network, demand: Demand, search: Search, cycles_ds: tuple[int, ...], paths: tuple[str, str]
        ) -> tuple[tuple[Region, Spec], ...]:
    """The regions of a city that somebody comes through, as large as devices can hold. Raises TaskError."""
    copies = replicas(demand, search)
    left = [crossings(network, demand, vehicles, shipped_plan(network)) for vehicles in copies]
    for most in SMALLER:
        regions = parts(network, grouped(network, demand, most))
        try:
            return _specs(demand, search, cycles_ds, regions, copies, left, paths)
        except TaskError as error:
            if error.code not in ("too_large", "too_dense") or most == 1:
                raise
    raise AssertionError


def arrivals(spec: Spec, plan: Plan) -> tuple[tuple[Region, Spec], ...]:
    """The same regions of a city, with those who come through them under another plan."""
    copies = replicas(spec.demand, spec.search)
    left = [crossings(spec.network, spec.demand, vehicles, plan) for vehicles in copies]
    return _specs(spec.demand, spec.search, spec.cycles_ds, [region for region, _ in spec.regions], copies, left)


def _specs(demand: Demand, search: Search, cycles_ds: tuple[int, ...], regions: Sequence[Region],
           copies: Sequence[Vehicles], left: Sequence[list[list[int]]], paths: tuple[str, str] = ("", "")
           ) -> tuple[tuple[Region, Spec], ...]:
    half = search.model_copy(update={"generations": max(1, search.generations // 2)})
    found = []
    for region, (routes, own) in zip(regions, shared_out(demand, regions, copies, left), strict=True):
        if routes:
            there = Demand(routes, tuple(own[0]), 0)
            found.append((region, spec_of(region.network, there, half, _cycles(region.network, half, cycles_ds), own,
                                          paths)))
    return tuple(found)


def _cycles(network: Network, search: Search, cycles_ds: tuple[int, ...]) -> tuple[int, ...]:
    """Those of the city's cycles that a region can follow, or its own; none where nothing may change."""
    minimum = 10 * search.minimum_green_s
    free = [(junction, own) for junction in network.junctions if (own := bounds(junction, minimum))]
    programmes = zip(network.junctions, shipped_plan(network), strict=True)
    present = sorted({programme_cycle_ds(*pair) for pair in programmes})
    for cycles in (cycles_ds, present):
        found = tuple(cycle for cycle in cycles if any(fitted(junction, own, cycle) for junction, own in free))
        if found:
            return found
    return ()


def joined(network: Network, parts: Iterable[tuple[Region, Plan]]) -> Plan:
    """One plan for the city: as shipped where no region has one."""
    plan = list(shipped_plan(network))
    for region, own in parts:
        for j, programme in zip(region.junctions, own, strict=True):
            plan[j] = programme
    return tuple(plan)


def added(network: Network, parts: Sequence[tuple[Region, Cost]]) -> Cost:
    """What the regions' plans cost together."""
    junctions = [0] * len(network.junctions)
    for region, cost in parts:
        for j, own in zip(region.junctions, cost.junctions, strict=True):
            junctions[j] = own
    return Cost(tuple(junctions), tuple(map(sum, zip(*(cost.replicas for _, cost in parts), strict=True))))
