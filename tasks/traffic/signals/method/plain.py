"""Reads the plain-field form of a network and its demand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from operator import or_

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.groups import freed
from lamplighter.tasks.readers.network import (
    HEADWAY_DS,
    LONGEST_DS,
    MAX_ROOM,
    Approach,
    Demand,
    Junction,
    Network,
    Phase,
    Road,
    Steps,
    bits,
    build,
    collect,
    crossing,
)
from lamplighter.tasks.readers.routes import MAX_DRAWN
from lamplighter.tasks.registry import nearest
from lamplighter.tasks.traffic.signals.method.counts import departures, draws_of, read_periods
from lamplighter.tasks.traffic.signals.model import Junction as PlainJunction
from lamplighter.tasks.traffic.signals.model import Plain

MAX_VEHICLES = 50_000


def read_plain(plain: Plain, start_s: float, end_s: float | None, seed: int,
               left: Left | None = None) -> tuple[Network, Demand]:
    """Network and demand of [start_s, end_s). Raises TaskError: no_signals, unknown_movement, zero_demand, ..."""
    if not plain.junctions:
        raise TaskError("no_signals", "the network has no junctions", "give at least one", "/plain/junctions")
    seen: set[str] = set()
    junctions = []
    for j, junction in enumerate(plain.junctions):
        path = f"/plain/junctions/{j}"
        for m, movement in enumerate(junction.movements):
            if movement.id in seen:
                raise TaskError("duplicate_id", f"two movements are called {movement.id!r}",
                                "movement ids are unique in the whole network", f"{path}/movements/{m}/id")
            seen.add(movement.id)
        junctions.append((_programme(junction, path), _approaches(junction, path)))
    network = build(junctions)
    return network, _demand(plain, network, start_s, end_s, seed, left)


def _programme(junction: PlainJunction, path: str) -> Junction:
    """The programme. Two signals are taken to conflict if they are never green together, or one gives way."""
    letters = {len(phase.signals) for phase in junction.phases}
    if len(letters) != 1:
        raise TaskError("bad_programme", "signals differ in length between phases",
                        "each phase has one letter per signal", f"{path}/phases")
    for m, movement in enumerate(junction.movements):
        if movement.signal >= min(letters):
            raise TaskError("bad_programme", f"there is no signal {movement.signal}",
                            f"the phases have {min(letters)} letters, counted from 0", f"{path}/movements/{m}/signal")
    phases = tuple(Phase(round(10 * phase.duration_s), phase.signals, round(10 * phase.shortest_s),
                         LONGEST_DS if phase.longest_s is None else round(10 * phase.longest_s))
                   for phase in junction.phases)
    cycle = sum(phase.duration_ds for phase in phases)
    if cycle > 6000:
        raise TaskError("bad_programme", "the cycle is longer than 600 s", "phases of at most 600 s together",
                        f"{path}/phases")
    signals = {movement.id: movement.signal for movement in junction.movements}
    walks = frozenset(range(min(letters))) - frozenset(signals.values())
    offset = round(10 * junction.offset_s) % cycle
    given = Junction(junction.id, offset, phases, others=walks, walks=walks)
    pairs = {(movement.signal, signals[other]) for movement in junction.movements for other in movement.gives_way_to
             if other in signals and signals[other] != movement.signal}
    return freed(replace(given, foes=tuple(map(or_, _never_together(given), crossing(min(letters), pairs)))))


def _never_together(junction: Junction) -> Iterator[int]:
    """Per signal those that are never green when it is, a bit for each."""
    everything, by_phase = (1 << len(junction.phases[0].signals)) - 1, junction.by_phase
    for signal, green in enumerate(junction.by_signal):
        together = 1 << signal
        for phase in bits(green):
            together |= by_phase[phase]
        yield everything & ~together


def _approaches(junction: PlainJunction, path: str) -> list[Approach]:
    lanes = {movement.id: list(dict.fromkeys(movement.lanes)) for movement in junction.movements}
    roads = _roads(junction, path)
    found = []
    for m, movement in enumerate(junction.movements):
        waits = set()
        for other in movement.gives_way_to:
            if other not in lanes or other == movement.id:
                raise TaskError("unknown_movement", f"{movement.id!r} gives way to {other!r}, not of this junction",
                                nearest(other, list(lanes)), f"{path}/movements/{m}/gives_way_to")
            waits |= {(other, f"{junction.id}/{lane}") for lane in lanes[other]}
        headway = HEADWAY_DS[movement.turn] if movement.headway_s is None else round(10 * movement.headway_s)
        found.append(Approach(movement.id, roads[movement.lanes[0]], headway,
                              tuple((f"{junction.id}/{lane}", movement.signal) for lane in lanes[movement.id]),
                              frozenset(waits)))
    return found


def _roads(junction: PlainJunction, path: str) -> dict[str, Road]:
    """The approach of each lane: lanes that a movement may choose from belong together."""
    groups = {lane: {lane} for movement in junction.movements for lane in movement.lanes}
    for lane in junction.lane_room_vehicles:
        if lane not in groups:
            raise TaskError("unknown_lane", f"no movement uses a lane {lane!r}", nearest(lane, list(groups)),
                            f"{path}/lane_room_vehicles")
    for movement in junction.movements:
        together = set().union(*(groups[lane] for lane in movement.lanes))
        groups.update(dict.fromkeys(together, together))
    rooms = junction.lane_room_vehicles
    found = {}
    for lane, group in groups.items():
        room = min(rooms.get(name, MAX_ROOM) for name in group)
        found[lane] = Road(f"{junction.id}/{min(group)}", room, street=0 if room == MAX_ROOM else room * len(group))
    return found


def _demand(plain: Plain, network: Network, start_s: float, end_s: float | None, seed: int,
            left: Left | None) -> Demand:
    numbers = {name: i for i, name in enumerate(network.movements)}
    detectors = {route.detector for route in plain.routes if route.detector is not None}
    until = float("inf") if end_s is None else end_s
    periods = read_periods(plain.entities, sorted(detectors), "/plain/entities", left, start_s, until)
    rng = random.Random(seed)  # noqa: S311 (arrivals, not secrets)
    trips: list[tuple[int, Steps]] = []
    draws, drawn = draws_of(periods), 0
    for r, route in enumerate(plain.routes):
        path = f"/plain/routes/{r}"
        for i, leg in enumerate(route.legs):
            if leg.movement not in numbers:
                raise TaskError("unknown_movement", f"no junction has a movement {leg.movement!r}",
                                "movements are given by id", f"{path}/legs/{i}/movement")
        steps = tuple((numbers[leg.movement], round(10 * leg.travel_s)) for leg in route.legs)
        if sum(way is not None for way in (route.departures_s, route.vehicles_per_hour, route.detector)) != 1:
            raise TaskError("bad_value", "give one of departures_s, vehicles_per_hour and detector",
                            "detector: the one that counts this route's vehicles, with their share", path)
        if route.vehicles_per_hour is not None and end_s is None:
            raise TaskError("missing_field", "vehicles_per_hour needs the end of the period",
                            "set period_end_s", "/period_end_s")
        times = route.departures_s
        if route.detector is not None:
            drawn += draws[route.detector]
            if drawn > MAX_DRAWN:
                raise TaskError("too_large", f"more than {MAX_DRAWN} vehicles at the detectors of all routes",
                                "give the observations of the period in question", "/plain/routes")
            times = departures(periods[route.detector], route.share, start_s, until, rng)
        elif times is None:
            times = _arrivals(rng, route.vehicles_per_hour or 0.0, start_s, end_s or 0.0)
        trips.extend((round(10 * t), steps) for t in times if t >= start_s and (end_s is None or t < end_s))
        if len(trips) > MAX_VEHICLES:
            raise TaskError("too_large", f"more than {MAX_VEHICLES} vehicles in the period",
                            "choose a shorter period", "/plain/routes")
    return collect(trips)


def _arrivals(rng: random.Random, per_hour: float, start_s: float, end_s: float) -> list[float]:
    """Poisson arrivals."""
    times: list[float] = []
    time = start_s
    while per_hour > 0 and len(times) <= MAX_VEHICLES:
        time += rng.expovariate(per_hour / 3600)
        if time >= end_s:
            break
        times.append(time)
    return times
