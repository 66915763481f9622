"""From a validated input to a spec: stations and targets in one plane, cut into tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tasks.api import TaskError
from tasks.environment.airmap import tiles
from tasks.environment.airmap.model import MOST_CELLS, MOST_STATIONS, AirmapInput, Grid
from tasks.environment.airmap.plane import Plane, coordinates, plane_of
from tasks.environment.airmap.read import Reading, from_entities, from_senml
from tasks.environment.airmap.tiles import Point, Tile
from tasks.environment.airmap.variogram import Variogram

CELLS_BY_DEFAULT = 48
LONGEST_RANGE = 20
FURTHEST_OUT = 4
SAME_PLACE = 1e-4


@dataclass(frozen=True, slots=True)
class Cells:
    """A grid in the plane, in metres. Row 0 is the north; cells run west to east, row by row."""

    west_m: float
    north_m: float
    width_m: float
    height_m: float
    rows: int
    cols: int

    def centres(self) -> list[Point]:
        return [(self.west_m + (col + 0.5) * self.width_m, self.north_m - (row + 0.5) * self.height_m)
                for row in range(self.rows) for col in range(self.cols)]


@dataclass(frozen=True, slots=True)
class Spec:
    """What ``solve`` needs: distinct stations, targets, and the tiles that lead from one to the other.

    ``values`` is what is kriged: the readings or, with ``log``, their natural logarithms. ``shown`` are the
    targets near enough to a station; the tiles' target numbers count along it.
    """

    quantity: str
    unit: str
    plane: Plane
    ids: list[str]
    places: list[Point]
    readings: list[float]
    values: list[float]
    log: bool
    cells: Cells | None
    targets: list[Point]
    target_ids: list[str]
    shown: list[int]
    variogram: Variogram | None
    diagonal_m: float
    map_tiles: list[Tile]
    left_out_tiles: list[Tile]
    notes: list[str]


def prepare(given: AirmapInput) -> Spec:
    """Raises TaskError: empty_data, too_few_stations, bad_position, too_many_cells and the like."""
    notes: list[str] = []
    gathered, geographic, unit = _gather(given, notes)
    plane = plane_of(geographic, [(one.lon_deg, one.lat_deg) for one in gathered])
    readings, places = _merged(gathered, plane, notes)
    if len(readings) < 2:
        raise TaskError("too_few_stations", "a map needs stations at two different positions at least",
                        "add stations", "/stations")
    values = _kriged([one.value for one in readings], given.transform == "log")
    extent = _extent(places)
    diagonal = _diagonal(extent)
    cells = None if given.targets else _cells(given.grid or Grid(), plane, extent)
    targets = cells.centres() if cells else _points(given, plane)
    shown = _near_enough(targets, places, given.max_distance_m)
    _refuse_far([targets[t] for t in shown], extent)
    order = _order([targets[t] for t in shown], cells, shown)
    return Spec(
        given.quantity or given.property or "readings", unit, plane, [one.id for one in readings], places,
        [one.value for one in readings], values, given.transform == "log", cells, targets,
        [place.id for place in given.targets], shown, _variogram(given, diagonal), diagonal,
        tiles.cut(places, values, [targets[t] for t in shown], order),
        tiles.cut(places, values, places, _order(places, None, []), leave_out=True), notes)


def _gather(given: AirmapInput, notes: list[str]) -> tuple[list[Reading], bool, str]:
    """All readings, with positions as given (x, y where not geographic), whether they are geographic, the unit."""
    readings: list[Reading] = []
    kinds: set[bool] = set()
    for number, station in enumerate(given.stations):
        geographic, (first, second) = coordinates(station, f"/stations/{number}")
        kinds.add(geographic)
        readings.append(Reading(station.id, first, second, station.value, ""))
    if given.entities:
        found, missing = from_entities(given.entities, given.property)
        readings += found
        kinds.add(True)
        if missing:
            notes.append(f"{missing} entities without a reading of {given.property} were left out")
    if given.senml:
        readings += from_senml(given.senml, given.property)
        kinds.add(True)
    if not readings:
        raise TaskError("empty_data", "no readings", "give stations, entities or senml", "/stations")
    if len(kinds) > 1:
        raise TaskError("mixed_positions", "some positions are in degrees and some in metres",
                        "entities and senml are in degrees: give stations lon_deg and lat_deg", "/stations")
    if len(readings) > MOST_STATIONS:
        raise TaskError("too_many_stations", f"{len(readings)} stations, at most {MOST_STATIONS}",
                        "cut the area into several tasks", "/stations")
    units = sorted({one.unit for one in readings if one.unit})
    if len(units) > 1:
        raise TaskError("mixed_units", "readings in different units: " + ", ".join(units)[:64],
                        "convert them to one unit", "/entities")
    return readings, kinds.pop(), given.unit or "".join(units)


def _merged(readings: list[Reading], plane: Plane, notes: list[str]) -> tuple[list[Reading], list[Point]]:
    """One reading for each position, and the positions in metres.

    Readings closer than a ten-thousandth of the stations' extent share a position; they are averaged, at the
    first one's. Kriging would have to tell apart what the coordinates of a job do not.
    """
    points = [plane.to_metres(one.lon_deg, one.lat_deg) for one in readings]
    apart_m = SAME_PLACE * _diagonal(_extent(points))
    there: list[tuple[Point, list[Reading]]] = []
    for one, point in zip(readings, points, strict=True):
        same = next((shared for place, shared in there if math.dist(place, point) <= apart_m), None)
        if same is None:
            there.append((point, [one]))
        else:
            same.append(one)
    if len(there) < len(readings):
        notes.append(f"{len(readings)} readings at {len(there)} positions: those at one position were averaged")
    means = [replace(same[0], value=math.fsum(one.value for one in same) / len(same)) for _, same in there]
    return means, [place for place, _ in there]


def _kriged(readings: list[float], log: bool) -> list[float]:
    if log and min(readings) <= 0:
        raise TaskError("not_positive", "a logarithm needs readings above zero",
                        'use "transform": "none", or leave out readings of zero', "/transform")
    return [math.log(value) for value in readings] if log else readings


def _extent(points: Sequence[Point]) -> tuple[float, float, float, float]:
    return (min(x for x, _ in points), min(y for _, y in points),
            max(x for x, _ in points), max(y for _, y in points))


def _diagonal(extent: tuple[float, float, float, float]) -> float:
    return math.hypot(extent[2] - extent[0], extent[3] - extent[1])


def _refuse_far(points: Sequence[Point], extent: tuple[float, float, float, float]) -> None:
    """Out there nothing is known, and a job's coordinates would no longer tell the stations apart."""
    reach_m = FURTHEST_OUT * _diagonal(extent)
    west, south, east, north = _extent(points)
    if max(extent[0] - west, extent[1] - south, east - extent[2], north - extent[3]) > reach_m:
        raise TaskError("too_far", f"the map reaches over {FURTHEST_OUT} times the stations' extent beyond them",
                        "check the bbox or the targets, or give max_distance_m", "/grid")


def _cells(grid: Grid, plane: Plane, extent: tuple[float, float, float, float]) -> Cells:
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


def _near_enough(targets: list[Point], places: list[Point], most_m: float | None) -> list[int]:
    if most_m is None:
        return list(range(len(targets)))
    shown = [t for t, point in enumerate(targets) if min(math.dist(point, place) for place in places) <= most_m]
    if not shown:
        raise TaskError("empty_map", f"no cell lies within {most_m:g} m of a station",
                        "raise max_distance_m, or check the grid's bbox", "/max_distance_m")
    return shown


def _order(points: Sequence[Point], cells: Cells | None, shown: Sequence[int]) -> list[tuple[int, int]]:
    """Small integer coordinates for the Hilbert curve: cells by column and row, points by their box in 1/1023."""
    if cells and max(cells.rows, cells.cols) < 1 << tiles.CURVE_BITS:
        return [(t % cells.cols, t // cells.cols) for t in shown]
    west, south, east, north = _extent(points)
    step = max(east - west, north - south) / ((1 << tiles.CURVE_BITS) - 1) or 1.0
    return [(int((x - west) / step), int((y - south) / step)) for x, y in points]


def _variogram(given: AirmapInput, diagonal_m: float) -> Variogram | None:
    asked = given.variogram
    if asked is None:
        return None
    sill = asked.nugget + asked.partial_sill
    if sill <= 0:
        raise TaskError("out_of_range", "nugget and partial_sill are both zero", 'use "auto" for constant readings',
                        "/variogram/partial_sill")
    if asked.range_m > LONGEST_RANGE * diagonal_m:
        raise TaskError("out_of_range", f"range_m is over {LONGEST_RANGE} times the stations' extent",
                        f"up to {LONGEST_RANGE * diagonal_m:.4g} it makes a difference", "/variogram/range_m")
    return Variogram(asked.model, asked.range_m, asked.nugget / sill, sill)
