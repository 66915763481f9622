"""Cutting a city into regions, and vehicles' ways at their borders."""

from __future__ import annotations

from typing import Any

from lamplighter.tasks.readers.network import Demand, Network
from lamplighter.tasks.traffic.signals.demo import generated_street
from lamplighter.tasks.traffic.signals.jobs import shipped_plan
from lamplighter.tasks.traffic.signals.method.plain import read_plain
from lamplighter.tasks.traffic.signals.method.regions import crossings, grouped, parts, shared_out
from lamplighter.tasks.traffic.signals.model import Plain


def _street(junctions: int) -> tuple[Network, Demand]:
    return read_plain(Plain.model_validate(generated_street(junctions)["plain"]), 0.0, 900.0, 1)


def test_neighbours_come_into_one_group() -> None:
    """Every junction is in one group, none has more than asked, and a street is cut where it is long."""
    network, demand = _street(7)
    groups = grouped(network, demand, 3)
    assert sorted(j for group in groups for j in group) == list(range(7))
    assert max(map(len, groups)) == 3 and all(group[-1] - group[0] == len(group) - 1 for group in groups)
    assert grouped(network, demand, 16) == [tuple(range(7))]


def test_all_junctions_are_the_network_itself() -> None:
    """A region of everything is what it was cut from; one of some has the same signals and conflicts there."""
    network, _ = _street(3)
    whole, middle = parts(network, [(0, 1, 2), (1,)])
    assert whole.network == network
    assert middle.network == parts(_street(2)[0], [(1,)])[0].network
    assert [network.movements[m] for m in middle.movements] == list(middle.network.movements)


def test_vehicles_leave_stop_lines_at_green(crossing: dict[str, Any]) -> None:
    """At once, after those before them, or when the next green has begun; never before they arrive."""
    crossing["routes"][0]["departures_s"] = [30.0, 30.1, 50.0]
    network, demand = read_plain(Plain.model_validate(crossing), 0.0, None, 1)
    left = crossings(network, demand, list(demand.vehicles), shipped_plan(network))
    assert left == [[400], [420], [940 + 35]]   # green from 34 to 56 s of 60


def test_ways_are_cut_at_borders() -> None:
    """Each passage is in one region, with the vehicle's way to its stop line; who crosses comes when it has left."""
    network, demand = _street(5)
    regions = parts(network, grouped(network, demand, 2))
    vehicles = list(demand.vehicles)
    left = crossings(network, demand, vehicles, shipped_plan(network))
    shared = shared_out(demand, regions, [vehicles], [left])
    passages = sum(len(demand.routes[route]) for _, route in vehicles)
    assert passages == sum(len(routes[route]) for routes, (own,) in shared for _, route in own)
    everything = parts(network, [tuple(range(5))])
    (routes, (own,)), = shared_out(demand, everything, [vehicles], [left])
    assert sorted((depart, routes[route]) for depart, route in own) == sorted(
        (depart, demand.routes[route]) for depart, route in vehicles)
    times = {time for passed in left for time in passed} | {depart for depart, _ in vehicles}
    assert all(depart in times for _, (own,) in shared for depart, _ in own)
