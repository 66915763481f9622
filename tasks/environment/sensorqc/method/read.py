"""A table of readings, by time and station, out of what cities have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.environment.airmap.method.near import Point
from lamplighter.tasks.environment.airmap.method.plane import coordinates
from lamplighter.tasks.environment.sensorqc.model import MOST_STATIONS, SensorqcInput
from lamplighter.tasks.readers import ngsi, senml
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.plausible import no_missing_codes
from lamplighter.tasks.readers.units import factors

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
    paths: dict[tuple[int, int], str] = field(default_factory=dict)
    """Pointers to readings, by time and station, where they do not stand in a table."""

    def path_of(self, station: int) -> str:
        """A pointer to a station: where it is listed, else its first reading."""
        return next((path for (_, place), path in self.paths.items() if place == station), f"/stations/{station}")


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a source that lists them; ``time_s`` counts from 1970."""

    station: str
    point: Point
    time_s: float
    value: float
    unit: str
    path: str


def network(given: SensorqcInput, left: Left) -> Network:
    """Raises TaskError: empty_data, wrong_length, bad_position, mixed_positions, mixed_units and the readers' own."""
    sources = [name for name in ("readings", "entities", "senml") if getattr(given, name)]
    if len(sources) != 1:
        code, what = ("mixed_sources", "readings in several forms") if sources else ("empty_data", "no readings")
        raise TaskError(code, what, "give stations with readings, or entities, or senml", "/readings")
    if sources[0] == "readings":
        return _table(given, left)
    found = _entities(given, left) if sources[0] == "entities" else _senml(given, left)
    no_missing_codes([(one.value, one.path) for one in found], left)
    times, unit = factors(((one.unit, one.path) for one in found), given.unit, left)
    return _binned([replace(one, value=one.value * times[one.unit]) for one in found], unit, given.step_s,
                   f"/{sources[0]}")


def _table(given: SensorqcInput, left: Left) -> Network:
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
    _in_order(given.times or ())
    ids = [station.id or f"station {number}" for number, station in enumerate(given.stations)]
    names: set[str] = set()
    for number, name in enumerate(ids):
        if name in names:
            raise TaskError("duplicate", f"two stations are named {name[:64]!r}", "name each station once",
                            f"/stations/{number}/id")
        names.add(name)
        if all(row[number] is None for row in given.readings):
            left.out("station", "it has no reading", name)
    no_missing_codes([(value, f"/readings/{t}/{i}") for t, row in enumerate(given.readings)
                      for i, value in enumerate(row) if value is not None], left)
    return Network(ids, points, kinds.pop(), times, given.readings, given.unit)


def _in_order(times: Sequence[str]) -> None:
    """Rows follow each other in time. Raises TaskError: duplicate, bad_time (times, where they are such)."""
    seen: set[str] = set()
    last: datetime | None = None
    for number, name in enumerate(times):
        here = f"/times/{number}"
        try:
            now = ngsi.moment(name, here)
        except TaskError:   # a name may be any
            now = None
        if name in seen or (now is not None and now == last):
            raise TaskError("duplicate", f"the time {name!r} is there twice", "give one row for each time", here)
        if now is not None and last is not None and now < last:
            raise TaskError("bad_time", f"the time {name!r} comes before the one above it", "the earliest row comes "
                            "first", here)
        seen.add(name)
        last = now


def _entities(given: SensorqcInput, left: Left) -> list[Reading]:
    found: list[Reading] = []
    read = []
    for path, entity in ngsi.entities(given.entities, ngsi.AIR, (given.property,), "/entities", left):
        read.append(entity)
        quantities, own = ngsi.quantities(entity, given.property, path), ngsi.text(entity, "id")
        if not quantities:
            left.out("entity", ngsi.lacking(entity, given.property), own or path)
            continue
        point, times = ngsi.position(entity, path), ngsi.observed(entity, path)
        name = ngsi.text(entity, "refDevice") or ngsi.text(entity, "stationCode") or f"{point[1]:.5f},{point[0]:.5f}"
        for one in quantities:
            when = one.at or (times[1] if times else None)
            if when is None:
                raise TaskError("bad_time", f"the reading at {path} has neither observedAt nor dateObserved",
                                "a check over time needs the time of each reading", path + "/dateObserved")
            found.append(Reading(name, point, when.timestamp(), one.value, one.unit, path))
    if not found:
        raise ngsi.no_such(given.property, ngsi.numbers_of(read), "/property")
    return found


def _senml(given: SensorqcInput, left: Left) -> list[Reading]:
    found: list[Reading] = []
    known = senml.devices(senml.resolved(given.senml, "/senml", left), given.property)
    for device, read in known.items():
        series = read.get(given.property, [])
        if not series or not {"lat", "lon"} <= read.keys():
            left.out("device", f"no reading of {given.property}" if not series else "no position", device)
            continue
        lat, lon = (senml.latest(read[what]) for what in ("lat", "lon"))
        point = ngsi.within(lon.value, lat.value, f"/senml/{lat.number}")
        found += [Reading(device, point, one.time_s, one.value, one.unit, f"/senml/{one.number}") for one in series]
    if not found:
        names = {what for read in known.values() if {"lat", "lon"} <= read.keys() for what in read}
        raise ngsi.no_such(given.property, names - {"lat", "lon"}, "/property")
    if len({one.time_s < senml.RELATIVE_S for one in found}) > 1:
        raise TaskError("bad_time", "some times are of a clock, others only say how long ago", "give bt once for all",
                        "/senml")
    return found


def _binned(found: Iterable[Reading], unit: str, step_s: int, path: str) -> Network:
    """Readings of one station in one step are averaged; a station is where its first reading says."""
    sums: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    points: dict[str, Point] = {}
    paths: dict[tuple[int, str], str] = {}
    for one in found:
        points.setdefault(one.station, one.point)
        step = int(one.time_s // step_s)
        sums[step][one.station].append(one.value)
        paths.setdefault((step, one.station), one.path)
    if len(points) > MOST_STATIONS:
        raise TaskError("too_many_stations", f"{len(points)} stations, at most {MOST_STATIONS}",
                        "cut the area into several tasks", path)
    ids, steps = sorted(points), sorted(sums)
    if len(ids) * len(steps) > MOST_PLACES:
        raise TaskError("too_many_readings", f"{len(ids)} stations at {len(steps)} times, most without a reading",
                        "a larger step_s, or a part of the stations", "/step_s")
    rows = [[sum(at[name]) / len(at[name]) if name in at else None for name in ids]
            for at in (sums[step] for step in steps)]
    times = [_time(step * step_s) for step in steps]
    row, column = {step: place for place, step in enumerate(steps)}, {name: place for place, name in enumerate(ids)}
    return Network(ids, [points[name] for name in ids], True, times, rows, unit,
                   {(row[step], column[name]): one for (step, name), one in paths.items()})


def _time(seconds: int) -> str:
    """A moment, or how far from now it is."""
    if seconds < senml.RELATIVE_S:
        return f"now {seconds:+d} s" if seconds else "now"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
