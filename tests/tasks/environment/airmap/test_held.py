"""Stations held out as far from the others as a map's places are."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lamplighter.tasks.environment.airmap import KIND
from lamplighter.tasks.environment.airmap.method.held import Apart, left_out
from lamplighter.tasks.environment.airmap.method.variogram import Variogram
from lamplighter.tasks.local import run_local

PLAIN = Variogram("spherical", 900, 0.1)


def _twins(stations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one | {"x_m": one["x_m"] + dx} for one in stations for dx in (0, 10)]


def test_twins_are_too_near_where_places_are_far(prepared: Any, stations_of: Any) -> None:
    """Each excludes its twin, and is predicted from none that is too near; a pair counts as one."""
    spec = prepared({"stations": _twins(stations_of(1, 25)), "grid": {"rows": 20, "cols": 20}})
    apart = Apart.of(spec)
    assert all(i ^ 1 in others for i, others in apart.too_near.items()) and len(apart.too_near) > 40
    assert sum(apart.weight(i) for i in range(50)) < 27
    seen = {t: tile for tile in apart.tiles(spec, PLAIN) for t in tile.targets}
    assert set(seen) == set(apart.too_near)
    for t, tile in seen.items():
        mask = int.from_bytes(tile.geometry[8 * (tile.stations + tile.targets.index(t)):][:8], "big") & 0xFFFFFF
        units = [(word >> 46, word >> 28 & 0x3FFFF) for word in (
            int.from_bytes(tile.geometry[8 * i:8 * i + 8], "big") for i in range(tile.stations + len(tile.targets)))]
        mine = units[tile.stations + tile.targets.index(t)]
        nearest = min(math.dist(mine, units[i]) for i in range(tile.stations) if mask >> i & 1) / tile.units_per_m
        assert bin(mask).count("1") == 12 and nearest > 10.5


@pytest.mark.parametrize("targets", [15, 16])
def test_places_on_stations_or_few_places_hold_out_one_at_a_time(prepared: Any, stations_of: Any, targets: int
                                                                 ) -> None:
    """Nobody is too near then: fewer than 16 far places say nothing, and 16 at stations say that places are near."""
    stations = _twins(stations_of(2, 20))
    where = stations if targets == 16 else stations_of(3, targets)
    spec = prepared({"stations": stations, "targets": [{"x_m": one["x_m"], "y_m": one["y_m"]} for one in where]})
    assert Apart.of(spec).too_near == {}


@pytest.mark.parametrize("count", [11, 24])
def test_places_far_outside_never_leave_a_station_without_others(prepared: Any, stations_of: Any, count: int) -> None:
    """At most half of the others are left out with it, and the answer says that they cannot stand in."""
    grid = {"bbox": [9_000, 9_000, 15_000, 15_000], "rows": 5, "cols": 5}
    given = {"stations": stations_of(4, count), "grid": grid}
    spec = prepared(given)
    apart = Apart.of(spec)
    assert apart.short == count and {len(others) for others in apart.too_near.values()} == {(count - 1) // 2}
    assert any("cannot stand in" in note for note in run_local(KIND, spec).data["notes"])


def test_inverse_distance_sees_the_same_stations(prepared: Any) -> None:
    """Of four in a row, two of them twins, by hand."""
    stations = [{"x_m": x, "y_m": 0, "value": value} for x, value in ((0, 1), (10, 3), (1000, 5), (2000, 9))]
    spec = prepared({"stations": stations, "grid": {"rows": 1, "cols": 1}})
    apart = Apart({0: frozenset({1}), 1: frozenset({0})}, 0)
    assert apart.inverse_distance(spec)[0] == pytest.approx((5 + 9 / 4) / 1.25)
    assert apart.inverse_distance(spec)[3] == pytest.approx(
        (5 / 1000**2 + 3 / 1990**2 + 1 / 2000**2) / (1 / 1000**2 + 1 / 1990**2 + 1 / 2000**2))


def test_every_station_is_left_out_once(prepared: Any, stations_of: Any) -> None:
    """And predicted from twelve others."""
    spec = prepared({"stations": stations_of(4, 40)})
    tiles = left_out(spec, PLAIN)
    assert sorted(t for tile in tiles for t in tile.targets) == list(range(40))
    for tile in tiles:
        for number in range(len(tile.targets)):
            word = int.from_bytes(tile.geometry[8 * (tile.stations + number):][:8], "big")
            assert bin(word & 0xFFFFFF).count("1") == 12
