"""The nearest places, against a full search."""

from __future__ import annotations

import math
import random

import pytest

from lamplighter.tasks.environment.airmap.method.near import Near, Point


def _places(shape: str, count: int) -> list[Point]:
    pick = random.Random(f"{shape} {count}")
    if shape == "line":
        return [(7.0, pick.uniform(0, 1000)) for _ in range(count)]
    if shape == "clusters":
        return [(pick.choice((0.0, 900.0)) + pick.gauss(0, 1), pick.gauss(0, 1)) for _ in range(count)]
    if shape == "lattice":
        return [(float(i % 20), float(i // 20)) for i in range(count)]
    return [(pick.uniform(0, 1000), pick.uniform(0, 300)) for _ in range(count)]


@pytest.mark.parametrize("shape", ["town", "line", "clusters", "lattice"])
@pytest.mark.parametrize("count", [1, 2, 13, 400])
def test_the_nearest_are_those_of_a_full_search(shape: str, count: int) -> None:
    """In order, ties by number; from inside, from far outside, from a place itself."""
    places = _places(shape, count)
    near = Near(places)
    for point in [(3.0, 4.0), (500.0, 150.0), (-5e3, 9e3), places[0], (450.0, 0.0)]:
        full = sorted((math.dist(point, place), i) for i, place in enumerate(places))
        assert near.around(point, 12) == full[:12]
        reach = full[:12][-1][0] * (1 + 1e-9) + 25.0
        assert near.around(point, 12, 25.0) == [one for one in full if one[0] <= reach]
