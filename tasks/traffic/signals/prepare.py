"""Validated input -> spec: a network and its demand, cut into windows."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from lamplighter.tasks.api import Context, TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.groups import bounds
from lamplighter.tasks.readers.network import Demand, Network
from lamplighter.tasks.readers.routes import classes, parse_routes, read_routes, vehicle_m
from lamplighter.tasks.readers.sumo import read_network
from lamplighter.tasks.readers.sumoxml import NETWORK_PATH, ROUTES_PATH
from lamplighter.tasks.registry import nearest
from lamplighter.tasks.traffic.signals.jobs import plans_per_job, programme_cycle_ds, shipped_plan
from lamplighter.tasks.traffic.signals.method.city import cut, replicas, spec_of
from lamplighter.tasks.traffic.signals.method.counts import COUNTS_PATH, read_counts
from lamplighter.tasks.traffic.signals.method.plain import read_plain
from lamplighter.tasks.traffic.signals.method.search import alive, cycles_by_load, fitted
from lamplighter.tasks.traffic.signals.model import Search, SignalsInput, Sumo
from lamplighter.tasks.traffic.signals.spec import Spec

MAX_PERIOD_S = 4 * 3600
MAX_JOBS = 200_000
MAX_JOBS_CITY = 2_000_000


def prepare(given: SignalsInput) -> Spec:
    """Reads network and demand and cuts them into contexts. Raises TaskError."""
    search = given.search
    if (given.sumo is None) == (given.plain is None):
        raise TaskError("bad_value", "give either sumo or plain", "sumo: two XML texts; plain: junctions and routes")
    start = given.period_start_s or 0.0
    if given.period_end_s is not None and given.period_end_s <= start:
        raise TaskError("out_of_range", "the period ends before it starts", "a later end", "/period_end_s")
    left = Left(given.accept)
    if given.sumo is not None:
        network, demand = _from_sumo(given.sumo, start, given.period_end_s, search.seed, left)
    else:
        assert given.plain is not None
        network, demand = read_plain(given.plain, start, given.period_end_s, search.seed, left)
    network = _only(network, given.only)
    where = "/plain/junctions" if given.sumo is None else NETWORK_PATH
    if demand.end_ds - demand.begin_ds > 10 * MAX_PERIOD_S:
        raise TaskError("too_large", f"departures span more than {MAX_PERIOD_S // 3600} hours",
                        "one programme serves one period of the day: set its start and end", "/period_end_s")
    cycles = _cycles(network, demand, search, left)
    paths = where, ("/plain/routes" if given.sumo is None else
                    ROUTES_PATH if given.sumo.counts is None else COUNTS_PATH)
    try:
        spec = spec_of(network, demand, search, cycles, replicas(demand, search), paths)
    except TaskError as error:
        if error.code not in ("too_large", "too_dense") or len(network.junctions) == 1:
            raise
        spec = Spec(network, demand, search, cycles, Context(b""), (), (), (),
                    cut(network, demand, search, cycles, paths))
        left.tell(f"the network was cut into {len(spec.regions)} regions; vehicles cross their borders when point "
                  "queues let them, under the plans found")
    plans = sum(alive(search, len(cycles), generation) * search.children for generation in range(search.generations))
    jobs = sum(plans * len(own.training) / plans_per_job(len(own.network.junctions))
               for own in ([own for _, own in spec.regions] or [spec]))
    if jobs > MAX_JOBS * max(1, len(spec.regions)) or jobs > MAX_JOBS_CITY:
        raise TaskError("too_large", f"the search takes more than {MAX_JOBS} jobs",
                        "fewer generations, children or cycles, or a shorter period", "/search")
    return replace(spec, notes=tuple(left.notes()))


def _only(network: Network, names: list[str] | None) -> Network:
    """The network with nothing to be changed at other junctions than these. Raises TaskError ``unknown_junction``."""
    if names is None:
        return network
    known = {junction.id for junction in network.junctions}
    for i, name in enumerate(names):
        if name not in known:
            raise TaskError("unknown_junction", f"no junction with signals is called {name!r}",
                            nearest(name, list(known)), f"/only/{i}")
    return replace(network, junctions=tuple(junction if junction.id in names else replace(junction, phases=tuple(
        replace(phase, adjustable=False) for phase in junction.phases)) for junction in network.junctions))


def _cycles(network: Network, demand: Demand, search: Search, left: Left) -> tuple[int, ...]:
    """The cycles to try that some junction can follow, asked for or else by load; for the others present ones.

    Raises TaskError ``nothing_to_adjust``.
    """
    minimum = 10 * search.minimum_green_s
    free = [(junction, own) for junction in network.junctions if (own := bounds(junction, minimum))]
    if not free:
        raise TaskError("nothing_to_adjust", "no phase of any junction may be longer or shorter",
                        "yellow, all-red and what clears the junction stay as they are", "/search/cycles_s")
    asked = cycles_by_load(network, demand, minimum) if search.cycles_s is None else [
        10 * cycle for cycle in search.cycles_s]
    found = [cycle for cycle in asked if any(fitted(junction, own, cycle) for junction, own in free)]
    cycles = [programme_cycle_ds(*pair) for pair in zip(network.junctions, shipped_plan(network), strict=True)]
    present = Counter(cycle for cycle in cycles if any(fitted(junction, own, cycle) for junction, own in free))
    if not found:
        least = math.ceil(min(programme_cycle_ds(junction, (0,)) + sum(low for low, _ in own)
                              for junction, own in free) / 10)
        if max(asked) < min(programme_cycle_ds(junction, (0,)) + minimum * len(own) for junction, own in free):
            raise TaskError("nothing_to_adjust", "no junction's greens can be made to fit any of the cycles",
                            f"the shortest that one can follow is {least} s", "/search/cycles_s")
        left.tell("no junction can follow any of the cycles to try without shorter greens, walks or clearances "
                  f"than its signals need (the shortest is {least} s): present cycles were tried")
    found += [cycle for cycle, _ in present.most_common() if cycle not in found][:len(asked) - len(found)]
    return tuple(found)


def _from_sumo(sumo: Sumo, start_s: float, until_s: float | None, seed: int, left: Left
               ) -> tuple[Network, Demand]:
    end_s = float("inf") if until_s is None else until_s
    if (sumo.routes_xml is None) == (sumo.counts is None):
        raise TaskError("bad_value", "give either routes_xml or counts", "counts: detectors and turn shares", "/sumo")
    if sumo.counts is not None:
        network, roads = read_network(sumo.network_xml, left=left)
        return network, read_counts(sumo.counts, roads, start_s, end_s, seed, left)
    try:
        routes = parse_routes(sumo.routes_xml or "", left)
    except TaskError:
        read_network(sumo.network_xml)   # what is wrong with the network says more
        raise
    network, roads = read_network(sumo.network_xml, vehicle_m(routes), left, classes(routes))
    return network, read_routes(routes, roads, start_s, end_s, seed, left)
