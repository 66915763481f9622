"""From a validated input to a spec: stations in one plane, their readings by time."""

from __future__ import annotations

import math

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.environment.airmap.method.near import Point
from lamplighter.tasks.environment.airmap.method.plane import plane_of
from lamplighter.tasks.environment.airmap.method.targets import boxed
from lamplighter.tasks.environment.airmap.prepare import given_variogram
from lamplighter.tasks.environment.sensorqc.method.read import network
from lamplighter.tasks.environment.sensorqc.model import MOST_READINGS, SensorqcInput
from lamplighter.tasks.environment.sensorqc.spec import Row, Spec
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.plausible import no_swapped_axes

MOST_PREDICTIONS = 40_000
SAME_PLACE = 1e-4


def prepare(given: SensorqcInput) -> Spec:
    """Raises TaskError: empty_data, too_few_stations, too_many_readings, not_positive, and what the readers raise."""
    left = Left(given.accept)
    found = network(given, left)
    readings = sum(value is not None for row in found.readings for value in row)
    if not readings:
        raise TaskError("empty_data", "every reading is missing", "give numbers", "/readings")
    if readings > MOST_READINGS or (given.predictions and readings > MOST_PREDICTIONS):
        most = MOST_PREDICTIONS if readings <= MOST_READINGS else MOST_READINGS
        raise TaskError("too_many_readings", f"{readings} readings, at most {most}",
                        "cut the period into several tasks" + (", or leave out predictions" if given.predictions
                                                               else ""), "/readings")
    plane = plane_of(found.geographic, found.points)
    points = [plane.to_metres(*point) for point in found.points]
    place_of, places = _shared(points)
    if found.geographic:
        no_swapped_axes([(point, found.path_of(i))
                         for i, point in enumerate(found.points)], left)
    notes = left.notes()
    if len(places) < len(points):
        notes.append(f"{len(points)} stations at {len(places)} positions: those at one position are compared with "
                     "others, not with each other")
    diagonal = math.dist(*_corners(places))
    variogram = given_variogram(given.variogram, diagonal or math.inf)
    spec = Spec(given.quantity or given.property or "readings", given.unit or found.unit, plane, found.ids,
                found.times, _rows(found.readings, given.transform == "log"), given.transform == "log", place_of,
                list(variogram.stretched(places)) if variogram else places, boxed(places), diagonal, variogram,
                given.threshold,
                given.scale == "each_time", given.recheck, given.predictions, notes)
    alone = sum(len(spec.at(t)) < 2 for t in range(len(spec.times)))
    if alone == len(spec.times):
        raise TaskError("too_few_stations", "at no time are there readings at two different positions",
                        "a reading is checked by those of other places at the same time", "/stations")
    if alone:
        notes.append(f"{alone} times with readings at fewer than two positions could not be checked")
    return spec


def _shared(points: list[Point]) -> tuple[list[int], list[Point]]:
    """The place of each point; points closer than about a ten-thousandth of the extent share one."""
    apart = SAME_PLACE * math.dist(*_corners(points)) or 1.0
    seen: dict[tuple[int, int], int] = {}
    places: list[Point] = []
    place_of = []
    for x, y in points:
        key = (round(x / apart), round(y / apart))
        if key not in seen:
            seen[key] = len(places)
            places.append((x, y))
        place_of.append(seen[key])
    return place_of, places


def _corners(points: list[Point]) -> tuple[Point, Point]:
    return ((min(x for x, _ in points), min(y for _, y in points)),
            (max(x for x, _ in points), max(y for _, y in points)))


def _rows(readings: list[Row], log: bool) -> list[Row]:
    if not log:
        return readings
    for t, row in enumerate(readings):
        for i, value in enumerate(row):
            if value is not None and value <= 0:
                raise TaskError("not_positive", "a logarithm needs readings above zero",
                                'use "transform": "none", or null for readings of zero', f"/readings/{t}/{i}")
    return [[None if value is None else math.log(value) for value in row] for row in readings]
