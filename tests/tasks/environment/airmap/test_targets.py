"""Grids and points: every target once, in bounded pieces all over the map."""

from __future__ import annotations

import math
import random

import pytest

from lamplighter.tasks.environment.airmap.method.targets import (
    CHUNK_SIDE,
    Cells,
    Targets,
    boxed,
    near_cells,
    near_points,
    scattered,
)


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 700), (130, 70), (64, 64)])
def test_chunks_cover_the_shown_cells_once(rows: int, cols: int) -> None:
    """At most 4,096 at a time, with small coordinates for the curve."""
    pick = random.Random(1)
    shown = bytearray(pick.random() < 0.8 for _ in range(rows * cols))
    shown[0] = 1
    targets = Targets(Cells(0.0, 10.0, 2.0, 3.0, rows, cols), [], shown)
    seen: list[int] = []
    for numbers, order in targets.chunks():
        assert 0 < len(numbers) == len(order) <= CHUNK_SIDE**2
        assert all(0 <= x < CHUNK_SIDE and 0 <= y < CHUNK_SIDE for x, y in order)
        seen += numbers
    assert sorted(seen) == [t for t in range(rows * cols) if shown[t]]
    assert targets.at(0) == (1.0, 8.5)
    assert targets.at(rows * cols - 1) == (2.0 * cols - 1, 11.5 - 3 * rows)


@pytest.mark.parametrize("most_m", [0.4, 3.0, 17.0, 400.0])
def test_cells_near_a_station_are_those_of_a_full_search(most_m: float) -> None:
    """Whatever the radius; stations in and outside the grid."""
    cells = Cells(-20.0, 30.0, 1.5, 2.5, 24, 31)
    pick = random.Random(most_m)
    places = [(pick.uniform(-30, 40), pick.uniform(-40, 40)) for _ in range(7)] + [cells.centre(100)]
    wanted = [min(math.dist(cells.centre(t), place) for place in places) <= most_m for t in range(24 * 31)]
    assert list(near_cells(cells, places, most_m)) == wanted
    assert list(near_points([cells.centre(t) for t in range(24 * 31)], places, most_m)) == wanted
    assert set(near_cells(cells, places, None)) == {1}


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10, 97, 1000])
def test_scattered_numbers_come_once_and_far_apart(count: int) -> None:
    """Any tenth of them reaches over the whole range."""
    found = list(scattered(count))
    assert sorted(found) == list(range(count))
    if count >= 97:
        for at in range(0, count - 20, 7):
            part = found[at:at + 20]
            assert min(part) < count / 5 and max(part) > 4 * count / 5


@pytest.mark.parametrize("most", [1, 9, 256])
def test_a_sample_is_spread_and_bounded(most: int) -> None:
    """Of cells and of points; never empty."""
    cells = Targets(Cells(0.0, 0.0, 1.0, 1.0, 90, 40), [], bytearray(b"\0" * 1800 + b"\1" * 1800))
    points = Targets(None, [(float(i), 0.0) for i in range(700)], bytearray(b"\1" * 700))
    for targets in (cells, points):
        found = targets.sample(most)
        assert 0 < len(found) <= most and all(targets.shown[t] for t in found)
        assert len(found) > most / 4
    lonely = Targets(Cells(0.0, 0.0, 1.0, 1.0, 90, 40), [], bytearray(b"\0" * 77 + b"\1" + b"\0" * 3522))
    assert lonely.sample(most) == [77]


def test_boxed_points_keep_their_order() -> None:
    """1,023 steps along the longer side; one point has no side."""
    assert boxed([(0.0, 0.0), (10.0, 5.0), (5.0, 2.5)]) == [(0, 0), (1023, 511), (511, 255)]
    assert boxed([(3.0, 3.0)]) == [(0, 0)]
