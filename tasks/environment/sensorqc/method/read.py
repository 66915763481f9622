"""A table of readings, by time and station, out of what cities have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.environment.airmap.method.near import Point
from lamplighter.tasks.environment.airmap.method.plane import coordinates
from lamplighter.tasks.environment.airmap.method.read import ENTITY
from lamplighter.tasks.environment.sensorqc.model import MOST_STATIONS, SensorqcInput
from lamplighter.tasks.readers import ngsi, senml

MOST_PLACES = 5_000_000
"""Of a table of stations by times, readings or none."""


@dataclass(frozen=True, slots=True)
class Network:
    """``readings[t][i]`` is station i's reading at time t, or None. ``points``: (lon, lat) or (x, y), as given."""

    ids: list[str]
    points: list[Point]
    geographic: bool
    times: list[str]
    readings: list[list[float | None]]
    unit: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a source that lists them; ``time_s`` counts from 1970."""

    station: str
    point: Point
    time_s: float
    value: float
    unit: str


def network(given: SensorqcInput) -> Network:
    """Raises TaskError: empty_data, wrong_length, bad_position, mixed_positions, mixed_units and the readers' own."""
    sources = [name for name in ("readings", "entities", "senml") if getattr(given, name)]
    if len(sources) != 1:
        code, what = ("mixed_sources", "readings in several forms") if sources else ("empty_data", "no readings")
        raise TaskError(code, what, "give stations with readings, or entities, or senml", "/readings")
    if sources[0] == "readings":
        return _table(given)
    if sources[0] == "entities":
        found, missing = _entities(given)
        note = f"{missing} entities without a reading of {given.property} were left out" if missing else ""
    else:
        found, note = _senml(given), ""
    return _binned(found, given.step_s, f"/{sources[0]}", note)


def _table(given: SensorqcInput) -> Network:
    kinds, points = set(), []
    for number, station in enumerate(given.stations):
        geographic, point = coordinates(station, f"/stations/{number}")
        kinds.add(geographic)
        points.append(point)
        if len(kinds) > 1:
            raise TaskError("mixed_positions", "some positions are in degrees and some in metres",
                            "give all in degrees or all in metres", f"/stations/{number}")
    if not points:
        raise TaskError("empty_data", "readings without stations", "give a station for each column of readings",
                        "/stations")
    for number, row in enumerate(given.readings):
        if len(row) != len(points):
            raise TaskError("wrong_length", f"row {number} has {len(row)} readings for {len(points)} stations",
                            "a number for each station, null where it is missing", f"/readings/{number}")
    if given.times and len(given.times) != len(given.readings):
        raise TaskError("wrong_length", f"{len(given.times)} times for {len(given.readings)} rows of readings",
                        "a time for each row, or none at all", "/times")
    times = given.times or [str(number) for number in range(len(given.readings))]
    ids = [station.id or f"station {number}" for number, station in enumerate(given.stations)]
    return Network(ids, points, kinds.pop(), times, given.readings, given.unit)


def _entities(given: SensorqcInput) -> tuple[list[Reading], int]:
    found, missing = [], 0
    for number, entity in enumerate(given.entities):
        path = f"/entities/{number}"
        ngsi.require_type(entity, ENTITY, path)
        quantity = ngsi.quantity(entity, given.property)
        if quantity is None:
            missing += 1
            continue
        when = ngsi.observed(entity, path)
        if when is None:
            raise TaskError("bad_time", f"entity {number} has no dateObserved",
                            "a check over time needs the time of each reading", path + "/dateObserved")
        point = ngsi.position(entity, path)
        name = ngsi.text(entity, "refDevice") or ngsi.text(entity, "stationCode") or f"{point[1]:.5f},{point[0]:.5f}"
        found.append(Reading(name, point, when[1].timestamp(), quantity.value, quantity.unit))
    if not found:
        raise ngsi.no_such(given.property, ngsi.numbers_of(given.entities), "/property")
    return found, missing


def _senml(given: SensorqcInput) -> list[Reading]:
    records = list(senml.resolved(given.senml, "/senml"))
    sides: dict[str, dict[str, senml.Record]] = defaultdict(dict)
    for record in records:
        if record.unit in ("lat", "lon"):
            sides[record.device][record.unit] = record
    points = {device: ngsi.within(both["lon"].value, both["lat"].value, f"/senml/{both['lat'].number}")
              for device, both in sides.items() if len(both) == 2}
    found = [Reading(one.device, points[one.device], one.time_s, one.value, one.unit) for one in records
             if one.name == given.property and one.unit not in ("lat", "lon") and one.device in points]
    if not found:
        known = {one.name for one in records if one.device in points and one.unit not in ("lat", "lon")}
        raise ngsi.no_such(given.property, known, "/property")
    return found


def _binned(found: Iterable[Reading], step_s: int, path: str, note: str) -> Network:
    """Readings of one station in one step are averaged; a station is where its first reading says."""
    sums: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    points: dict[str, Point] = {}
    units = set()
    for one in found:
        points.setdefault(one.station, one.point)
        sums[int(one.time_s // step_s)][one.station].append(one.value)
        units.add(one.unit)
    if len(units) > 1:
        raise TaskError("mixed_units", "readings in different units: " + ", ".join(sorted(units))[:64],
                        "convert them to one unit", path)
    if len(points) > MOST_STATIONS:
        raise TaskError("too_many_stations", f"{len(points)} stations, at most {MOST_STATIONS}",
                        "cut the area into several tasks", path)
    ids, steps = sorted(points), sorted(sums)
    if len(ids) * len(steps) > MOST_PLACES:
        raise TaskError("too_many_readings", f"{len(ids)} stations at {len(steps)} times, most without a reading",
                        "a larger step_s, or a part of the stations", "/step_s")
    rows = [[sum(row[name]) / len(row[name]) if name in row else None for name in ids]
            for row in (sums[step] for step in steps)]
    times = [datetime.fromtimestamp(step * step_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for step in steps]
    return Network(ids, [points[name] for name in ids], True, times, rows, units.pop(), note)
