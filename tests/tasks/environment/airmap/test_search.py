"""The search of a variogram, with answers made up so that the winner is known."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lamplighter.tasks.environment.airmap import KIND
from lamplighter.tasks.environment.airmap.jobs import Estimate, Tile
from lamplighter.tasks.environment.airmap.method import search
from lamplighter.tasks.environment.airmap.method.near import Point
from lamplighter.tasks.environment.airmap.method.search import Order, by_rule, worth_it
from lamplighter.tasks.environment.airmap.method.variogram import Variogram
from lamplighter.tasks.environment.airmap.reference import solve_linear
from lamplighter.tasks.local import run_job, run_local

Misses = Callable[[Variogram], float]


def _found(spec: Any, misses: Misses, monkeypatch: Any) -> tuple[Variogram, str, int]:
    """What is found when a variogram misses every reading by ``misses``, all equally sure; and in how many rounds."""
    monkeypatch.setattr(Tile, "estimates", lambda tile, answer, sets: [
        [Estimate(spec.values[t] + misses(one), 0.5) for t in tile.targets] for one in sets])
    rounds = 0
    searching = search.search(spec, [])
    jobs = next(searching)
    try:
        while True:
            rounds += 1
            jobs = searching.send([b""] * len(jobs))
    except StopIteration as end:
        variogram, how = end.value
        return variogram, how, rounds


def test_small_errors_win_without_a_direction(prepared: Any, stations_of: Any, monkeypatch: Any) -> None:
    """Of many stations: nugget and range go to where the misses are small; directions that miss as much are left."""
    spec = prepared({"stations": stations_of(1, 300)})
    wanted = 0.3 * spec.diagonal_m
    found, how, rounds = _found(spec, lambda one: 0.5 + abs(one.nugget_share - 0.2) + (one.shape == "exponential")
                                + abs(one.range_m * math.sqrt(one.ratio) / wanted - 1), monkeypatch)
    assert (found.shape, found.ratio, rounds) == ("spherical", 1.0, 2)
    assert abs(found.nugget_share - 0.2) < 0.06 and 0.7 < found.range_m / wanted < 1.4
    assert how.startswith("likely")


def test_what_says_nothing_leaves_the_mean_of_all(prepared: Any, stations_of: Any, monkeypatch: Any) -> None:
    """All variograms miss alike: the one taken is in the middle of those tried, not the first in the list."""
    spec = prepared({"stations": stations_of(1, 30)})
    found, _, _ = _found(spec, lambda one: 1.0, monkeypatch)
    reach = found.range_m * (3 if found.shape == "exponential" else 1) / spec.diagonal_m
    assert 0.15 < reach < 1 and 0.1 < found.nugget_share < 0.6 and found.ratio == 1


def test_a_direction_must_gain_more_than_chance(prepared: Any, stations_of: Any, monkeypatch: Any) -> None:
    """With 100 stations 2 %: one that gains 1.5 % is left, one that gains 2.5 % is taken by half, and all are
    tried in it."""
    spec = prepared({"stations": stations_of(2, 100)})
    for gain, turned, count in ((0.985, False, 2), (0.975, True, 3)):
        found, _, rounds = _found(spec, lambda one, gain=gain: 20 * (
            gain if one.ratio == 0.25 and one.angle_deg == 45 else 1), monkeypatch)
        assert ((found.ratio, found.angle_deg), rounds) == ((0.5, 45) if turned else (1, 0), count)


def test_few_or_equal_readings_are_not_searched(prepared: Any, stations_of: Any) -> None:
    """The rule is what is usual: exponential, at its sill within 0.3 of the diagonal, some nugget."""
    assert not worth_it(prepared({"stations": stations_of(3, 9)}))
    assert not worth_it(prepared({"stations": [one | {"value": 3} for one in stations_of(3, 30)]}))
    spec = prepared({"stations": stations_of(3, 10)})
    assert worth_it(spec)
    rule = by_rule(spec)
    assert (rule.shape, rule.nugget_share) == ("exponential", 0.15)
    assert rule.range_m == pytest.approx(0.1 * spec.diagonal_m)


@pytest.mark.parametrize("count", [2, 13, 200])
def test_each_station_is_predicted_once_from_those_before(prepared: Any, stations_of: Any, count: int) -> None:
    """All but the first; nobody from itself, and never two from each other."""
    spec = prepared({"stations": stations_of(4, count)})
    tiles = Order.of(spec, spec.places).tiles
    assert len({t for tile in tiles for t in tile.targets}) == sum(len(tile.targets) for tile in tiles) == count - 1
    number = {value: i for i, value in enumerate(spec.values)}
    before: dict[int, set[int]] = {}
    for tile in tiles:
        values = [tile.middle + tile.half * ((word & 0x1FFFFF) / 2**20 - 1) for word in (
            int.from_bytes(tile.geometry[8 * i:8 * i + 8], "big") for i in range(tile.stations))]
        names = [number[min(number, key=lambda one, value=value: abs(one - value))] for value in values]
        for at, t in enumerate(tile.targets):
            mask = int.from_bytes(tile.geometry[8 * (tile.stations + at):][:8], "big") & 0xFFFFFF
            before[t] = {name for i, name in enumerate(names) if mask >> i & 1}
    if count == 200:
        return   # readings repeat there
    assert all(t not in some for t, some in before.items())
    assert not any(t in before.get(other, ()) for t, some in before.items() for other in some)


def test_of_many_stations_some_are_predicted(prepared: Any, stations_of: Any, monkeypatch: Any) -> None:
    """Every fourth of the order, whatever batch it is in."""
    monkeypatch.setattr(search, "MOST_PREDICTED", 50)
    spec = prepared({"stations": stations_of(4, 200)})
    targets = [t for tile in Order.of(spec, spec.places).tiles for t in tile.targets]
    assert len(targets) == len(set(targets)) and 49 <= len(targets) <= 50


def test_the_likelihood_is_that_of_the_errors_of_contrasts(prepared: Any, stations_of: Any) -> None:
    """With all others as neighbours it is the restricted likelihood itself: differences of two variograms agree with
    Harville's formula (1974) in floating point."""
    spec = prepared({"stations": stations_of(5, 12)})
    sets = [Variogram("exponential", 900, 0.1), Variogram("exponential", 2_500, 0.4),
            Variogram("spherical", 2_000, 0)]
    order = Order.of(spec, spec.places)
    found = order.logs(sets, iter([run_job(KIND, job) for job in order.jobs(sets)]))
    exact = [_restricted(spec.places, spec.values, one) for one in sets]
    for (one, log), (sill, by_formula), asked in zip(found, exact, sets, strict=True):
        assert (one.shape, one.range_m, one.nugget_share) == (asked.shape, asked.range_m, asked.nugget_share)
        assert log - found[0][1] == pytest.approx(by_formula - exact[0][1], abs=0.02)
        assert one.sill / found[0][0].sill == pytest.approx(sill / exact[0][0], rel=0.01)


def _restricted(places: Sequence[Point], values: Sequence[float], one: Variogram) -> tuple[float, float]:
    """The likeliest sill and the restricted log likelihood with it, from the covariance matrix as a whole."""
    size = len(places)
    rows = [[one.covariance(math.dist(a, b)) for b in places] for a in places]
    determinant, work = 0.0, [row[:] for row in rows]
    for c in range(size):
        determinant += math.log(work[c][c])
        for r in range(c + 1, size):
            factor = work[r][c] / work[c][c]
            work[r] = [a - factor * b for a, b in zip(work[r], work[c], strict=True)]
    ones = solve_linear([[*row, 1.0] for row in rows])
    solved = solve_linear([[*row, value] for row, value in zip(rows, values, strict=True)])
    mean = sum(solved) / sum(ones)
    square = sum((value - mean) * (s - mean * o) for value, s, o in zip(values, solved, ones, strict=True))
    return square / (size - 1), -((size - 1) * math.log(square) + determinant + math.log(sum(ones))) / 2


def test_pairs_of_stations_do_not_shorten_the_range(prepared: Any) -> None:
    """A smooth field read by stations in pairs, with noise: its long range is found, and two samples agree."""
    ranges = []
    for seed in (1, 2):
        pick = random.Random(seed)
        stations = []
        for _ in range(17):
            x, y = pick.uniform(0, 9_000), pick.uniform(0, 9_000)
            stations += [{"x_m": x + dx, "y_m": y, "value": 20 + x / 300 - y / 400 + pick.gauss(0, 2)}
                         for dx in (0, 90)]
        found = run_local(KIND, prepared({"stations": stations, "grid": {"rows": 1, "cols": 1}})).data["variogram"]
        ranges.append(found["range_m"] * (3 if found["model"] == "exponential" else 1))
    assert min(ranges) > 4_000 and max(ranges) < 2 * min(ranges)
