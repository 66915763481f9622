"""One variogram for many."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lamplighter.tasks.environment.airmap.method.typical import distances, typical
from lamplighter.tasks.environment.airmap.method.variogram import Variogram

APART = [40.0 * 1.15**k for k in range(25)]


@pytest.mark.parametrize("one", [
    Variogram("exponential", 300, 0.2, sill=5), Variogram("spherical", 900, 0.0, sill=0.1),
    Variogram("spherical", 500, 0.35, angle_deg=45, ratio=0.5)])
def test_of_one_alone_that_one_comes_back(one: Variogram) -> None:
    """Within the steps of the range, with sill 1 and the same direction."""
    found = typical([(one, -70.0)], APART)
    assert (found.shape, found.sill, found.angle_deg, found.ratio) == (one.shape, 1, one.angle_deg, one.ratio)
    assert found.range_m == pytest.approx(one.range_m, rel=0.09)
    assert found.nugget_share == pytest.approx(one.nugget_share, abs=0.05)


def test_the_mean_is_of_semivariances_with_their_sills() -> None:
    """Two equally likely ones, of short range and long: what is found follows the mean of both at all distances, the
    one with the larger sill more, where the mean of their parameters does not."""
    short, long = Variogram("exponential", 60, 0.0, sill=1), Variogram("exponential", 3_000, 0.0, sill=9)
    found = typical([(short, 0.0), (long, 0.0)], APART)
    mean = [0.1 * short.rise(away) + 0.9 * long.rise(away) for away in APART]
    middle = Variogram("exponential", math.sqrt(60 * 3_000), 0.0)
    assert _worst(found, mean) < 0.15 < 0.4 < _worst(middle, mean)
    assert found.nugget_share > 0


def _worst(one: Variogram, mean: list[float]) -> float:
    """The largest ratio of shapes, as a logarithm about their mean."""
    logs = [math.log((1 - one.covariance(away)) / value) for away, value in zip(APART, mean, strict=True)]
    return max(abs(log - math.fsum(logs) / len(logs)) for log in logs)


def test_the_likelier_counts_more_by_the_square_root() -> None:
    """Ten thousand times as likely is a hundred times the weight."""
    one, other = Variogram("exponential", 100, 0.0), Variogram("exponential", 100, 0.8)
    found = typical([(one, math.log(1e4)), (other, 0.0)], APART)
    assert found.nugget_share == pytest.approx(0.8 / 101, abs=0.002)


def test_what_is_flat_is_all_nugget() -> None:
    """Where distances tell nothing, no share is below nothing."""
    found = typical([(Variogram("exponential", 0.5, 0.3), 0.0)], APART)
    assert 0 <= found.nugget_share <= 1
    assert 1 - found.covariance(APART[0]) == pytest.approx(1 - found.covariance(APART[-1]), rel=0.01)


def test_distances_are_those_of_the_map_to_its_stations(prepared: Any, stations_of: Any) -> None:
    """Twenty-five in order; a direction stretches those across it; a place on a station does not count as zero."""
    two = [{"x_m": 100, "y_m": 50}, {"x_m": 4000, "y_m": 3000}]
    spec = prepared({"stations": stations_of(1, 40), "targets": two})
    plain = distances(spec, Variogram("exponential", 1, 0))
    assert plain == sorted(plain) and len(plain) == 25
    nearest = sorted(math.dist(place, spec.targets.at(0)) for place in spec.places)
    assert nearest[0] in plain or min(math.dist(place, spec.targets.at(1)) for place in spec.places) in plain
    assert distances(spec, Variogram("exponential", 1, 0, ratio=0.25))[-1] > 1.2 * plain[-1]
    at = stations_of(1, 40)[0]
    spec = prepared({"stations": stations_of(1, 40), "targets": [{"x_m": at["x_m"], "y_m": at["y_m"]}]})
    assert min(distances(spec, Variogram("exponential", 1, 0))) > 0
