"""Where a map is wanted: the cells of a grid or single points, walked through in bounded pieces."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lamplighter.tasks.environment.airmap.method.near import Near, Point

CHUNK_SIDE = 64
GOLDEN = (math.sqrt(5) - 1) / 2

Order = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Cells:
    """A grid in the plane, in metres. Row 0 is the north; cells run west to east, row by row."""

    west_m: float
    north_m: float
    width_m: float
    height_m: float
    rows: int
    cols: int

    def centre(self, cell: int) -> Point:
        row, col = divmod(cell, self.cols)
        return self.west_m + (col + 0.5) * self.width_m, self.north_m - (row + 0.5) * self.height_m


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets by number: cells, or the given points. ``shown`` has a 1 for each that is near enough to a station.

    A grid of a million cells takes a byte a cell here, and nothing more.
    """

    cells: Cells | None
    points: Sequence[Point]
    shown: bytearray = field(repr=False)

    def __len__(self) -> int:
        return len(self.shown)

    def at(self, target: int) -> Point:
        return self.cells.centre(target) if self.cells else self.points[target]

    def chunks(self) -> Iterator[tuple[list[int], Order]]:
        """The shown targets in pieces of at most 4,096, scattered over the map, and their places for Hilbert's curve.

        Scattered, so that a map cut short by a deadline has values all over.
        """
        if self.cells is None:
            yield from self._point_chunks()
            return
        down, across = (-(-side // CHUNK_SIDE) for side in (self.cells.rows, self.cells.cols))
        for block in scattered(down * across):
            top, left = (CHUNK_SIDE * at for at in divmod(block, across))
            spots = [(row, col) for row in range(top, min(self.cells.rows, top + CHUNK_SIDE))
                     for col in range(left, min(self.cells.cols, left + CHUNK_SIDE))
                     if self.shown[row * self.cells.cols + col]]
            if spots:
                yield [row * self.cells.cols + col for row, col in spots], [(col - left, row - top)
                                                                            for row, col in spots]

    def _point_chunks(self) -> Iterator[tuple[list[int], Order]]:
        wanted = [t for t in range(len(self)) if self.shown[t]]
        if wanted:
            yield wanted, boxed([self.points[t] for t in wanted])

    def sample(self, most: int) -> list[int]:
        """At most ``most`` shown targets, evenly taken: of a grid, whole rows and columns apart."""
        if self.cells is None:
            wanted = [t for t in range(len(self)) if self.shown[t]]
            return wanted[::max(1, math.ceil(len(wanted) / most))]
        apart = max(1, math.ceil(math.sqrt(sum(self.shown) / most)))
        while True:
            rows, cols = (range(min(apart, side) // 2, side, apart) for side in (self.cells.rows, self.cells.cols))
            found = [cell for row in rows for col in cols if self.shown[cell := row * self.cells.cols + col]]
            if len(found) <= most:
                return found or [self.shown.index(1)]
            apart += 1


def scattered(count: int) -> Iterator[int]:
    """All numbers below ``count`` once, consecutive ones far apart: steps of the golden section."""
    step = max(1, round(GOLDEN * count))
    while math.gcd(step, count) > 1:
        step += 1
    return (at * step % count for at in range(count))


def boxed(points: Sequence[Point], steps: int = 1023) -> Order:
    """Small integer coordinates: ``steps`` to the longer side of the points' box."""
    west, south = min(x for x, _ in points), min(y for _, y in points)
    step = max(max(x for x, _ in points) - west, max(y for _, y in points) - south) / steps or 1.0
    return [(int((x - west) / step), int((y - south) / step)) for x, y in points]


def near_points(points: Sequence[Point], places: Sequence[Point], most_m: float | None) -> bytearray:
    """A 1 for each point that has a place within ``most_m``."""
    near = Near(places)
    return bytearray(most_m is None or near.around(point, 1)[0][0] <= most_m for point in points)


def near_cells(cells: Cells, places: Sequence[Point], most_m: float | None) -> bytearray:
    """A 1 for each cell whose centre has a place within ``most_m``: around each place, a run in each row."""
    if most_m is None:
        return bytearray(b"\1") * (cells.rows * cells.cols)
    shown = bytearray(cells.rows * cells.cols)
    whole = set()
    for place in places:
        top = max(0, math.floor((cells.north_m - place[1] - most_m) / cells.height_m - 0.5))
        bottom = min(cells.rows - 1, math.ceil((cells.north_m - place[1] + most_m) / cells.height_m - 0.5))
        for row in range(top, bottom + 1):
            if row in whole:
                continue
            first = row * cells.cols
            half = math.sqrt(max(0.0, most_m**2 - (cells.centre(first)[1] - place[1]) ** 2))
            west, east = ((place[0] + side - cells.west_m) / cells.width_m - 0.5 for side in (-half, half))
            run = range(max(0, math.floor(west)), min(cells.cols - 1, math.ceil(east)) + 1)
            while run and math.dist(cells.centre(first + run[0]), place) > most_m:
                run = run[1:]
            while run and math.dist(cells.centre(first + run[-1]), place) > most_m:
                run = run[:-1]
            if run:
                shown[first + run[0]:first + run[-1] + 1] = b"\1" * len(run)
            if len(run) == cells.cols:
                whole.add(row)
    return shown
