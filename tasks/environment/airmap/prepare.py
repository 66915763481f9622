"""From a validated input to a spec: stations and targets in one plane."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.environment.airmap.method.near import Point
from lamplighter.tasks.environment.airmap.method.plane import Plane, coordinates, plane_of
from lamplighter.tasks.environment.airmap.method.read import Reading, from_entities, from_senml
from lamplighter.tasks.environment.airmap.method.targets import Cells, Targets, near_cells, near_points
from lamplighter.tasks.environment.airmap.method.variogram import Variogram
from lamplighter.tasks.environment.airmap.model import MOST_CELLS, MOST_STATIONS, AirmapInput, GivenVariogram, Grid
from lamplighter.tasks.environment.airmap.spec import Spec
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.plausible import (
    no_missing_codes,
    no_swapped_axes,
    tell_below_zero,
    tell_kilometres,
    tell_old,
)
from lamplighter.tasks.readers.units import factors

CELLS_BY_DEFAULT = 48
LONGEST_RANGE = 20
FURTHEST_OUT = 4
SAME_PLACE = 1e-4

Extent = tuple[float, float, float, float]


def prepare(given: AirmapInput) -> Spec:
    """Raises TaskError: empty_data, too_few_stations, bad_position, too_many_cells and the like."""
    notes: list[str] = []
    left = Left(given.accept)
    gathered, geographic, unit = _gather(given, left)
    _plausible(given, gathered, geographic, left)
    tell_below_zero([(one.value, one.id or one.path) for one in gathered], unit, left)
    plane = plane_of(geographic, [(one.lon_deg, one.lat_deg) for one in gathered])
    readings, places = _merged(gathered, plane, notes)
    if len(readings) < 2:
        raise TaskError("too_few_stations", "a map needs stations at two different positions at least",
                        "add stations", "/stations")
    values = _kriged([one.value for one in readings], given.transform == "log")
    extent = _extent(places)
    diagonal = _diagonal(extent)
    return Spec(
        given.quantity or given.property or "readings", unit, plane, [one.id for one in readings], places,
        [one.value for one in readings], values, given.transform == "log", _targets(given, plane, places, extent),
        [place.id for place in given.targets], given_variogram(given.variogram, diagonal), diagonal,
        [*left.notes(), *notes])


def _gather(given: AirmapInput, left: Left) -> tuple[list[Reading], bool, str]:
    """All readings, with positions as given (x, y where not geographic), whether they are geographic, the unit."""
    readings: list[Reading] = []
    kinds: set[bool] = set()
    for number, station in enumerate(given.stations):
        geographic, (first, second) = coordinates(station, f"/stations/{number}")
        kinds.add(geographic)
        readings.append(Reading(station.id, first, second, station.value, "", f"/stations/{number}"))
    if given.entities:
        readings += from_entities(given.entities, given.property, left)
        kinds.add(True)
    if given.senml:
        readings += from_senml(given.senml, given.property, left)
        kinds.add(True)
    if not readings:
        raise TaskError("empty_data", "no readings", "give stations, entities or senml", "/stations")
    if len(kinds) > 1:
        raise TaskError("mixed_positions", "some positions are in degrees and some in metres",
                        "entities and senml are in degrees: give stations lon_deg and lat_deg", "/stations")
    if len(readings) > MOST_STATIONS:
        raise TaskError("too_many_stations", f"{len(readings)} stations, at most {MOST_STATIONS}",
                        "cut the area into several tasks", "/stations")
    no_missing_codes([(one.value, one.path) for one in readings], left)
    times, unit = factors(((one.unit, one.path) for one in readings), given.unit, left)
    return [replace(one, value=one.value * times[one.unit]) for one in readings], kinds.pop(), unit


def _plausible(given: AirmapInput, gathered: Sequence[Reading], geographic: bool, left: Left) -> None:
    """Raises TaskError ``implausible``; what only looks wrong is told. Codes were looked for as they were sent."""
    tell_old([(one.time_s, one.id or one.path) for one in gathered if one.time_s is not None], left)
    if geographic:
        box = given.grid.bbox if given.grid and given.grid.bbox else None
        asked = [(place.lon_deg, place.lat_deg) for place in given.targets
                 if place.lon_deg is not None and place.lat_deg is not None]
        asked += [(box[0], box[1]), (box[2], box[3])] if box else []
        no_swapped_axes([((one.lon_deg, one.lat_deg), one.path) for one in gathered], left, asked)
    tell_kilometres([(one.lon_deg, one.lat_deg) for one in gathered], geographic,
                    given.variogram.range_m if given.variogram else None, left)


def _merged(readings: list[Reading], plane: Plane, notes: list[str]) -> tuple[list[Reading], list[Point]]:
    """One reading for each position, and the positions in metres.

    Readings closer than a ten-thousandth of the stations' extent share a position; they are averaged, at the
    first one's. Kriging would have to tell apart what the coordinates of a job do not. The extent is twice that
    of the middle half of the coordinates: one station misplaced to another continent moves nothing.
    """
    points = [plane.to_metres(one.lon_deg, one.lat_deg) for one in readings]
    sides = [sorted(side) for side in zip(*points, strict=True)]
    middle = math.hypot(*(side[3 * len(side) // 4] - side[len(side) // 4] for side in sides))
    apart_m = SAME_PLACE * (2 * middle or _diagonal(_extent(points)) or 1.0)
    there: list[tuple[Point, list[Reading]]] = []
    squares: dict[tuple[int, int], list[int]] = {}
    for one, point in zip(readings, points, strict=True):
        column, row = int(point[0] // apart_m), int(point[1] // apart_m)
        beside = sorted(i for x in (-1, 0, 1) for y in (-1, 0, 1) for i in squares.get((column + x, row + y), ()))
        same = next((there[i][1] for i in beside if math.dist(there[i][0], point) <= apart_m), None)
        if same is None:
            squares.setdefault((column, row), []).append(len(there))
            there.append((point, [one]))
        else:
            same.append(one)
    if len(there) < len(readings):
        differ = max(max(one.value for one in same) - min(one.value for one in same) for _, same in there)
        notes.append(f"{len(readings)} readings at {len(there)} positions: those at one position were averaged; they "
                     f"differ by up to {differ:.4g}")
    means = [replace(same[0], value=math.fsum(one.value for one in same) / len(same)) for _, same in there]
    return means, [place for place, _ in there]


def _kriged(readings: list[float], log: bool) -> list[float]:
    if log and min(readings) <= 0:
        raise TaskError("not_positive", "a logarithm needs readings above zero",
                        'use "transform": "none", or leave out readings of zero', "/transform")
    return [math.log(value) for value in readings] if log else readings


def _extent(points: Sequence[Point]) -> Extent:
    return (min(x for x, _ in points), min(y for _, y in points),
            max(x for x, _ in points), max(y for _, y in points))


def _diagonal(extent: Extent) -> float:
    return math.hypot(extent[2] - extent[0], extent[3] - extent[1])


def _targets(given: AirmapInput, plane: Plane, places: list[Point], extent: Extent) -> Targets:
    if given.targets:
        points = _points(given, plane)
        targets = Targets(None, points, near_points(points, places, given.max_distance_m))
        reached = _extent([point for point, shown in zip(points, targets.shown, strict=True) if shown] or places)
    else:
        cells = _cells(given.grid or Grid(), plane, extent)
        targets = Targets(cells, [], near_cells(cells, places, given.max_distance_m))
        reached = _extent([cells.centre(0), cells.centre(len(targets) - 1)])
    if 1 not in targets.shown:
        raise TaskError("empty_map", f"no place of the map lies within {given.max_distance_m:g} m of a station",
                        "raise max_distance_m, or check the grid's bbox or the targets", "/max_distance_m")
    further_m = max(extent[0] - reached[0], extent[1] - reached[1], reached[2] - extent[2], reached[3] - extent[3])
    if min(further_m, given.max_distance_m or further_m) > FURTHEST_OUT * _diagonal(extent):
        # out there nothing is known, and a job's coordinates would no longer tell the stations apart
        raise TaskError("too_far", f"the map reaches over {FURTHEST_OUT} times the stations' extent beyond them",
                        "check the bbox or the targets, or give max_distance_m",
                        "/targets" if given.targets else "/grid")
    return targets


def _cells(grid: Grid, plane: Plane, extent: Extent) -> Cells:
    west, south, east, north = extent
    if grid.bbox is not None:
        if plane.geographic and (abs(grid.bbox[0]) > 180 or abs(grid.bbox[2]) > 180
                                 or abs(grid.bbox[1]) > 85 or abs(grid.bbox[3]) > 85):
            raise TaskError("out_of_range", "bbox is in degrees here, as the stations are",
                            "west, south, east, north; longitude first", "/grid/bbox")
        west, south = plane.to_metres(grid.bbox[0], grid.bbox[1])
        east, north = plane.to_metres(grid.bbox[2], grid.bbox[3])
        if not (west < east and south < north):
            raise TaskError("bad_value", "bbox is west, south, east, north, each side longer than nothing",
                            "check the order of the four numbers", "/grid/bbox")
    longest = max(east - west, north - south)
    if (grid.rows is None) != (grid.cols is None) or (grid.rows is not None and grid.cell_m is not None):
        raise TaskError("bad_value", "a grid has either cell_m, or rows and cols", "give one of the two", "/grid")
    if grid.rows is not None and grid.cols is not None:
        rows, cols = grid.rows, grid.cols
        width, height = (east - west or longest) / cols, (north - south or longest) / rows
    else:
        width = height = grid.cell_m or longest / CELLS_BY_DEFAULT
        cols, rows = (max(1, math.ceil(side / width - 1e-9)) for side in (east - west, north - south))
    if rows * cols > MOST_CELLS:
        smallest = 1.02 * max(math.sqrt((east - west) * (north - south) / MOST_CELLS), longest / MOST_CELLS)
        raise TaskError("too_many_cells", f"{rows} x {cols} cells, at most {MOST_CELLS} in all",
                        f"a cell_m of {smallest:.4g} or more fits", "/grid")
    return Cells((west + east - cols * width) / 2, (south + north + rows * height) / 2, width, height, rows, cols)


def _points(given: AirmapInput, plane: Plane) -> list[Point]:
    if given.grid is not None:
        raise TaskError("bad_value", "a map has a grid or targets, not both", "remove one of the two", "/targets")
    points: list[Point] = []
    for number, place in enumerate(given.targets):
        geographic, (first, second) = coordinates(place, f"/targets/{number}")
        if geographic != plane.geographic:
            raise TaskError("mixed_positions", "targets and stations use different coordinates",
                            "give both in degrees or both in metres", f"/targets/{number}")
        points.append(plane.to_metres(first, second))
    return points


def given_variogram(asked: GivenVariogram | None, diagonal_m: float) -> Variogram | None:
    """None where none is given. Raises TaskError for one that cannot be, among stations so far apart."""
    if asked is None:
        return None
    sill = asked.nugget + asked.partial_sill
    if sill <= 0:
        raise TaskError("out_of_range", "nugget and partial_sill are both zero", 'use "auto" for constant readings',
                        "/variogram/partial_sill")
    if asked.range_m > LONGEST_RANGE * diagonal_m:
        raise TaskError("out_of_range", f"range_m is over {LONGEST_RANGE} times the stations' extent",
                        f"up to {LONGEST_RANGE * diagonal_m:.4g} it makes a difference", "/variogram/range_m")
    return Variogram(asked.model, asked.range_m, asked.nugget / sill, sill, asked.angle_deg, asked.ratio)
