"""The search of a variogram, with answers made up so that the winner is known."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from lamplighter.tasks.api import Job
from lamplighter.tasks.environment.airmap.jobs import Tile
from lamplighter.tasks.environment.airmap.method import search
from lamplighter.tasks.environment.airmap.method.search import by_rule, left_out, worth_it
from lamplighter.tasks.environment.airmap.method.variogram import Variogram

Misses = Callable[[Variogram], float]


def _found(spec: Any, misses: Misses, monkeypatch: Any) -> tuple[Variogram, str, int]:
    """What is found when a variogram misses every reading by ``misses``, and in how many rounds."""
    asked: dict[bytes, tuple[Tile, Sequence[Variogram]]] = {}
    made = Tile.job

    def remembered(tile: Tile, sets: Sequence[Variogram]) -> Job:
        job = made(tile, sets)
        asked[job.input] = tile, sets
        return job

    def answer(job: Job) -> bytes:
        tile, sets = asked[job.input]
        words = []
        for one in sets:
            for t in tile.targets:
                share = (spec.values[t] + misses(one) - tile.middle) / tile.half
                words += [round(share * 2**24) + (1 << 28), *([1 << 20] if len(sets) == 1 else [])]
        return struct.pack(f">{len(words)}I", *words)

    monkeypatch.setattr(Tile, "job", remembered)
    rounds = 0
    searching = search.search(spec, [])
    jobs = next(searching)
    try:
        while True:
            rounds += 1
            jobs = searching.send([answer(job) for job in jobs])
    except StopIteration as end:
        variogram, how = end.value
        return variogram, how, rounds


def test_the_least_error_wins_without_a_direction(prepared: Any, stations_of: Any, monkeypatch: Any) -> None:
    """Nugget and range go to where the misses are smallest; directions that miss as much are not taken."""
    spec = prepared({"stations": stations_of(1, 30)})
    wanted = 0.3 * spec.diagonal_m
    found, how, rounds = _found(spec, lambda one: 0.1 + abs(one.nugget_share - 0.2) + abs(one.range_m / wanted - 1)
                                + (one.shape == "exponential"), monkeypatch)
    assert (found.shape, found.ratio, rounds) == ("spherical", 1.0, 3)
    assert abs(found.nugget_share - 0.2) < 0.06 and 0.8 < found.range_m / wanted < 1.25
    assert how.startswith("best of 8")


def test_a_direction_must_gain_more_than_chance(prepared: Any, stations_of: Any, monkeypatch: Any) -> None:
    """With 100 stations 2.5 %: one that gains 2 % is left, one that gains 3 % is taken and refined."""
    spec = prepared({"stations": stations_of(2, 100)})
    for gain, ratio, count in ((0.98, 1.0, 3), (0.97, 0.25, 4)):
        found, _, rounds = _found(spec, lambda one, gain=gain: 0.2 * (
            gain if one.ratio == 0.25 and one.angle_deg == 45 else 1), monkeypatch)
        assert (found.ratio, rounds) == (ratio, count)


def test_few_or_equal_readings_are_not_searched(prepared: Any, stations_of: Any) -> None:
    """The rule is exponential with a sixth of the diagonal and the readings' variance."""
    assert not worth_it(prepared({"stations": stations_of(3, 9)}))
    assert not worth_it(prepared({"stations": [one | {"value": 3} for one in stations_of(3, 30)]}))
    spec = prepared({"stations": stations_of(3, 10)})
    assert worth_it(spec)
    rule = by_rule(spec)
    assert (rule.shape, rule.range_m, rule.nugget_share) == ("exponential", spec.diagonal_m / 6, 0.0)


def test_of_many_stations_some_are_left_out(prepared: Any, stations_of: Any) -> None:
    """Every third, predicted from all others."""
    spec = prepared({"stations": stations_of(4, 40)})
    tiles = left_out(spec, Variogram("spherical", 900, 0.1), 3)
    assert sorted(t for tile in tiles for t in tile.targets) == list(range(0, 40, 3))
    for tile in tiles:
        for number in range(len(tile.targets)):
            word = int.from_bytes(tile.geometry[8 * (tile.stations + number):][:8], "big")
            assert bin(word & 0xFFFFFF).count("1") == 12
