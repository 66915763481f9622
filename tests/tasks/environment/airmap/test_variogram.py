"""Variograms and their integer form."""

from __future__ import annotations

import math
import random
import struct

import pytest

from lamplighter.tasks.environment.airmap import KIND
from lamplighter.tasks.environment.airmap.method.variogram import (
    Variogram,
    first_search,
    packed,
    second_search,
    third_search,
    unit_variance,
)
from lamplighter.tasks.local import load_kernel

kernel = load_kernel(KIND)


@pytest.mark.parametrize("shape", ["exponential", "spherical"])
@pytest.mark.parametrize("range_m", [40, 600, 5_000, 80_000, 10_000_000])
@pytest.mark.parametrize("nugget", [0.0, 0.2, 0.95])
def test_the_kernel_rises_as_the_formula(shape: str, range_m: float, nugget: float) -> None:
    """Semivariances of the integer form are within 6 units of the last place, over the tile's whole width."""
    one = Variogram(shape, range_m, nugget)  # type: ignore[arg-type]
    across, units = 4_000.0, 60.0
    form = kernel.variogram(packed(one, units, across), 0)
    unit = unit_variance(one, across)
    pick = random.Random(1)
    for distance in [1, 7, *(pick.randrange(1, int(across * units)) for _ in range(300))]:
        out = kernel.array("i", [distance])
        kernel.covariances(out, out, form, 1)
        covariance = (out[0] - (1 << 20)) / 2**20
        semivariance = 1 - (one.covariance(distance / units)) if distance else 0.0
        assert abs((1 - covariance) * unit - semivariance) <= 6 * unit * 2.0**-20


def test_both_shapes_are_what_the_books_say() -> None:
    """1 - exp(-h / r), and 1.5 u - 0.5 u**3 up to the range; covariance jumps by the nugget at zero."""
    assert Variogram("exponential", 100, 0).rise(100) == pytest.approx(1 - math.exp(-1))
    assert Variogram("spherical", 100, 0).rise(50) == pytest.approx(0.6875)
    assert Variogram("spherical", 100, 0).rise(101) == 1.0
    assert Variogram("spherical", 100, 0.3).covariance(0) == 1.0
    assert Variogram("spherical", 100, 0.3).covariance(1e-9) == pytest.approx(0.7)


def test_extreme_variograms_are_still_taken_by_the_kernel() -> None:
    """Ranges from nothing to the world's size, pure nugget: the packed form always passes the kernel's check."""
    for shape in ("exponential", "spherical"):
        for range_m in (1e-9, 1.0, 1e3, 1e8):
            for nugget in (0.0, 1e-6, 0.999999, 1.0):
                for across in (0.5, 1e5, 4e6):
                    one = Variogram(shape, range_m, nugget)  # type: ignore[arg-type]
                    form = packed(one, 262_143 / across, across * 2**0.5)
                    kernel.variogram(form, 0)
                    assert len(form) == struct.calcsize(">BBBBIIII")


def test_a_direction_stretches_what_lies_across_it() -> None:
    """Towards 30 degrees from north, distances stay; across, they count as twice as long."""
    one = Variogram("spherical", 100, 0, angle_deg=30, ratio=0.5)
    along, across = (math.sin(math.radians(30)), math.cos(math.radians(30))), (math.cos(math.radians(30)), -0.5)
    origin, first, second = one.stretched([(0.0, 0.0), along, across])
    assert math.dist(origin, first) == pytest.approx(1)
    assert math.dist(origin, second) == pytest.approx(2)
    points = [(1.0, 2.0)]
    assert Variogram("spherical", 100, 0).stretched(points) is points


def test_directions_are_tried_about_the_best_and_refined_there() -> None:
    """Eight, with the same mean range; what follows keeps the direction."""
    best = Variogram("exponential", 300, 0.1)
    third = third_search(best)
    assert len({(one.angle_deg, one.ratio) for one in third}) == len(third) == 8
    for one in third:
        assert math.sqrt(one.range_m * one.range_m * one.ratio) == pytest.approx(300)
        assert {(near.angle_deg, near.ratio) for near in second_search(one)} == {(one.angle_deg, one.ratio)}


def test_both_shapes_are_tried_with_the_same_reaches() -> None:
    """Where a spherical variogram is at its sill, the exponential one beside it is within 5 % of it."""
    first = first_search(1000.0)
    reaches = [one.range_m for one in first if one.shape == "spherical"]
    assert min(reaches) == 60 and max(reaches) == 1920
    for reach, one in zip(reaches, (one for one in first if one.shape == "exponential"), strict=True):
        assert 0.95 < one.rise(reach) < 0.951


def test_search_sets_are_distinct_and_the_second_starts_with_the_best() -> None:
    """No parameter set is tried twice in a round."""
    first = first_search(1000.0)
    assert len(set(first)) == len(first) == 48
    for best in first:
        second = second_search(best)
        assert second[0] == best
        assert len(set(second)) == len(second) <= 25
        assert all(0 <= one.nugget_share <= 0.9 for one in second)
