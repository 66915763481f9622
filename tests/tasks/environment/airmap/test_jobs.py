"""Tiles: every target once, the true nearest stations, the values of floating-point kriging."""

from __future__ import annotations

import itertools
import math
import random
import struct
from typing import Any

import pytest

from lamplighter.tasks.environment.airmap import KIND
from lamplighter.tasks.environment.airmap import jobs as tiles
from lamplighter.tasks.environment.airmap.jobs import TILE_STATIONS, TILE_TARGETS, Point, cut
from lamplighter.tasks.environment.airmap.method.variogram import Variogram
from lamplighter.tasks.environment.airmap.reference import krige
from lamplighter.tasks.local import run_job


def _town(seed: int, count: int) -> tuple[list[Point], list[float]]:
    pick = random.Random(seed)
    places = [(pick.uniform(0, 5000), pick.uniform(0, 3000)) for _ in range(count)]
    return places, [20 + 5 * math.sin(x / 700) + pick.gauss(0, 2) for x, _ in places]


GRID = [(100.0 * (t % 40), 100.0 * (t // 40)) for t in range(800)]
ORDER = [(t % 40, t // 40) for t in range(800)]


@pytest.mark.parametrize("count", [2, 11, 12, 13, 60, 400])
def test_every_target_is_in_one_tile_with_its_nearest_stations(count: int) -> None:
    """Against a full search: the same stations for each target, within the kernel's limits."""
    places, values = _town(count, count)
    seen: list[int] = []
    for tile in cut(places, values, GRID, ORDER):
        assert len(tile.targets) <= TILE_TARGETS and tile.stations <= TILE_STATIONS
        seen += tile.targets
        chosen = sorted({i for t in tile.targets for i in _nearest(places, GRID[t])})
        for number, t in enumerate(tile.targets):
            word = int.from_bytes(tile.geometry[8 * (tile.stations + number):][:8], "big")
            assert [chosen[i] for i in range(24) if word >> i & 1] == sorted(_nearest(places, GRID[t]))
    assert sorted(seen) == list(range(800))


def _nearest(places: list[Point], target: Point) -> list[int]:
    return sorted(range(len(places)), key=lambda i: (math.dist(places[i], target), i))[:12]


@pytest.mark.parametrize("variogram", [
    Variogram("spherical", 900, 0.1), Variogram("spherical", 70_000, 0.0), Variogram("exponential", 300, 0.0),
    Variogram("exponential", 40_000, 0.02), Variogram("exponential", 5, 0.0), Variogram("spherical", 500, 1.0)])
def test_values_and_variances_are_those_of_floating_point_kriging(variogram: Variogram) -> None:
    """Values within 0.001 of readings that spread over 20, variances within 0.05 % of the sill."""
    places, values = _town(3, 50)
    for tile in cut(places, values, GRID[::7], ORDER[::7]):
        found = tile.estimates(run_job(KIND, tile.job([variogram])), [variogram])[0]
        for t, one in zip(tile.targets, found, strict=True):
            value, variance = krige(places, values, GRID[::7][t], variogram)
            assert one.value == pytest.approx(value, abs=1e-3)
            assert one.variance_share == pytest.approx(variance, abs=5e-4)


def test_a_target_on_a_station_gets_its_reading_with_certainty() -> None:
    """And one a hair beside it, with a nugget, does not."""
    places, values = _town(4, 30)
    variogram = Variogram("spherical", 900, 0.4)
    targets = [places[7], (places[7][0] + 1e-3, places[7][1])]
    (tile,) = cut(places, values, targets, [(0, 0), (1, 0)])
    exact, beside = tile.estimates(run_job(KIND, tile.job([variogram])), [variogram])[0]
    assert exact.value == pytest.approx(values[7], abs=1e-5)
    assert exact.variance_share == 0
    assert beside.variance_share > 0.4


def test_left_out_targets_do_not_see_themselves() -> None:
    """A station that disagrees with all others is estimated as the others."""
    places, values = _town(5, 30)
    values = [1.0] * 30
    values[11] = 99.0
    variogram = Variogram("exponential", 800, 0.0)
    for tile in cut(places, values, places, [(int(x) // 8, int(y) // 8) for x, y in places], leave_out=True):
        (found,) = tile.estimates(run_job(KIND, tile.job([variogram])), [variogram])
        for t, one in zip(tile.targets, found, strict=True):
            if t == 11:
                assert one.value == pytest.approx(1.0, abs=1e-3)


def test_many_variograms_in_one_job_give_what_single_jobs_give() -> None:
    """To the last bit."""
    places, values = _town(6, 40)
    sets = [Variogram("spherical", 100.0 * i, 0.1) for i in range(1, 9)]
    for tile in cut(places, values, places, [(0, 0)] * 40, leave_out=True):
        together = tile.estimates(run_job(KIND, tile.job(sets)), sets)
        for one, row in zip(sets, together, strict=True):
            assert tile.estimates(run_job(KIND, tile.job([one])), [one]) == [row]


def test_the_curve_visits_neighbours() -> None:
    """Consecutive places on the Hilbert curve are next to each other, and none is visited twice."""
    side = 32
    path = sorted((tiles._hilbert(x, y), x, y) for x in range(side) for y in range(side))
    assert len({place for place, _, _ in path}) == side * side
    assert all(abs(a[1] - b[1]) + abs(a[2] - b[2]) == 1 for a, b in itertools.pairwise(path))


def test_check_passes_honest_answers_and_stops_impossible_ones(prepared: Any, stations_of: Any) -> None:
    """A value far beyond the stations, a variance over twice the sill, an answer of another length."""
    spec = prepared({"stations": stations_of(8, 30), "grid": {"rows": 6, "cols": 6}})
    solution = KIND.solve(spec)
    assert KIND.check is not None
    jobs = next(solution)
    answers = [run_job(KIND, job) for job in jobs]
    assert all(KIND.check(spec, job, answer) for job, answer in zip(jobs, answers, strict=True))
    far = struct.pack(">I", (1 << 28) + (11 << 24)) + answers[0][4:]
    assert not KIND.check(spec, jobs[0], far)
    given = {"model": "spherical", "nugget": 1, "partial_sill": 5, "range_m": 900}
    spec = prepared({"stations": stations_of(8, 30), "variogram": given, "grid": {"rows": 6, "cols": 6}})
    job = next(KIND.solve(spec))[0]
    answer = run_job(KIND, job)
    assert KIND.check(spec, job, answer)
    assert not KIND.check(spec, job, answer[:4] + struct.pack(">I", 3 << 24) + answer[8:])
    assert not KIND.check(spec, job, answer + b"\0")
