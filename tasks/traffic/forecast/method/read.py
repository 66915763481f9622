"""Hourly counts out of detectors' lists and out of FIWARE TrafficFlowObserved entities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers import ngsi
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.flows import Flow, flows
from lamplighter.tasks.readers.plausible import no_missing_codes
from lamplighter.tasks.traffic.forecast.method.clock import HOUR, Clock
from lamplighter.tasks.traffic.forecast.model import FLOW_MAX, Detector

HOUR_S = 3600
COVERED_S = 2700
"""An hour counts as counted when its periods cover three quarters of it; it is then scaled up to the hour."""

Flows = dict[int, float]
"""Vehicles per hour by place on the clock's grid."""


def from_detectors(detectors: Sequence[Detector], clock: Clock) -> dict[str, Flows]:
    """Raises TaskError: ``duplicate`` detectors, ``bad_time``."""
    found: dict[str, Flows] = {}
    rows: dict[tuple[datetime, int], list[int]] = {}
    for number, one in enumerate(detectors):
        path = f"/detectors/{number}"
        if one.id in found:
            raise TaskError("duplicate", f"two detectors are named {one.id!r}", "name each detector once",
                            path + "/id")
        begin = clock.read(one.start, path + "/start")
        key = begin, len(one.counts)
        if key not in rows:  # many detectors count the same hours
            rows[key] = [clock.place(begin + hour * HOUR) for hour in range(len(one.counts))]
        row = rows[key]
        if len(set(row)) == len(row):
            found[one.id] = {at: count for at, count in zip(row, one.counts, strict=True) if count is not None}
            continue
        real: dict[int, list[float]] = {}
        for at, count in zip(row, one.counts, strict=True):
            if count is not None:
                real.setdefault(at, []).append(count)
        found[one.id] = _shared(real)
    return found


def _shared(real: dict[int, list[float]]) -> Flows:
    """The two real hours that share a place in autumn are averaged."""
    return {at: sum(counts) / len(counts) for at, counts in real.items()}


@dataclass
class Counted:
    """What one detector counted: vehicles and seconds by real hour."""

    vehicles: dict[datetime, float] = field(default_factory=dict)
    seconds: dict[datetime, float] = field(default_factory=dict)

    def add(self, begin: datetime, end: datetime, value: float, hour: datetime, path: str) -> None:
        """Spreads a period's count over its hours, the first of which is ``hour``. Raises TaskError ``duplicate``."""
        while hour < end:
            part = (min(end, hour + HOUR) - max(begin, hour)).total_seconds()
            self.vehicles[hour] = self.vehicles.get(hour, 0.0) + value * part / (end - begin).total_seconds()
            self.seconds[hour] = self.seconds.get(hour, 0.0) + part
            if self.seconds[hour] > HOUR_S + 1:
                raise TaskError("duplicate", "periods of one detector overlap", "give each period once",
                                path + "/dateObserved")
            hour += HOUR


def from_entities(entities: Sequence[ngsi.Entity], clock: Clock, left: Left) -> dict[str, Flows]:
    """Hourly flows of each detector, lane and direction, by the rule of ``readers.flows``.

    Raises TaskError: ``wrong_entity``, ``missing_field``, ``bad_time``, ``out_of_range``, ``duplicate``,
    ``implausible``.
    """
    found: dict[str, Counted] = {}
    counts: dict[str, list[tuple[float, str]]] = {}
    for one in flows(entities, "/entities", left):
        begin, end = _period(one, clock)
        if one.vehicles < 0 or one.vehicles * HOUR_S / (end - begin).total_seconds() > FLOW_MAX:
            raise TaskError("out_of_range", f"intensity {one.vehicles:g} is no count of vehicles in its period",
                            f"0 to {FLOW_MAX} an hour", one.path + "/intensity")
        counts.setdefault(one.name, []).append((one.vehicles, one.path + "/intensity"))
        found.setdefault(one.name, Counted()).add(begin, end, one.vehicles, clock.hour_of(begin), one.path)
    for told in counts.values():
        no_missing_codes(told, left)
    if entities and not found:
        raise TaskError("missing_field", "no entity has an intensity", "intensity: vehicles in the period",
                        "/entities")
    return {name: _hourly(one, clock) for name, one in found.items()}


def _period(one: Flow, clock: Clock) -> tuple[datetime, datetime]:
    """The period observed; a single time on the hour stands for the hour that begins there."""
    if one.times is None:
        raise TaskError("missing_field", "an entity has no dateObserved",
                        "an interval: 2026-03-01T06:00:00Z/2026-03-01T06:15:00Z", one.path + "/dateObserved")
    begin, end = one.times
    if begin == end:
        if clock.hour_of(begin) != begin:
            raise TaskError("bad_time", "a single time that is not on the hour says not how long was counted",
                            "give an interval: 2026-03-01T06:00:00Z/2026-03-01T06:15:00Z",
                            one.path + "/dateObserved")
        end = begin + HOUR
    if end - begin > HOUR or end - begin < timedelta(seconds=1):
        raise TaskError("bad_time", "a period is longer than an hour or shorter than a second",
                        "hours are forecast: give counts of an hour or less", one.path + "/dateObserved")
    return begin, end


def _hourly(one: Counted, clock: Clock) -> Flows:
    real: dict[int, list[float]] = {}
    for hour, vehicles in one.vehicles.items():
        if one.seconds[hour] >= COVERED_S:
            real.setdefault(clock.place(hour), []).append(vehicles * HOUR_S / one.seconds[hour])
    return _shared(real)
