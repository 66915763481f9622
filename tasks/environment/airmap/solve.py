"""Finds the variogram, kriges the map and leaves each station out once: in jobs."""

from __future__ import annotations

import math
import struct
from collections.abc import Generator, Sequence

from tasks.api import Job, Solution
from tasks.environment.airmap.prepare import Spec
from tasks.environment.airmap.result import assemble
from tasks.environment.airmap.tiles import SETS_PER_JOB, Estimate, Tile
from tasks.environment.airmap.variogram import Variogram, first_search, second_search

FEWEST_TO_SEARCH = 10
HIGHEST_SHARE = 2.2
FURTHEST_VALUE = 10


def solve(spec: Spec) -> Solution:
    """Up to two rounds that search the variogram, one that kriges the map and scores it by leave-one-out.

    With fewer than ten stations an automatic variogram is not searched but set by rule: exponential, without
    nugget, range a sixth of the stations' diagonal, the readings' variance as sill.
    """
    searched = spec.variogram is None and len(spec.places) >= FEWEST_TO_SEARCH \
        and max(spec.values) > min(spec.values)
    if searched:
        variogram, tried = yield from _search(spec)
        how = f"best of {tried} by leave-one-out; sill from the leave-one-out errors"
    elif spec.variogram is None:
        variogram, how = _by_rule(spec), "by rule: too few different readings to search"
    else:
        variogram, how = spec.variogram, "given"
    tiles = [*spec.map_tiles, *spec.left_out_tiles]
    answers = yield [tile.job([variogram]) for tile in tiles]
    split = len(spec.map_tiles)
    mapped = _in_order(spec.map_tiles, answers[:split], variogram, len(spec.shown))
    left_out = _in_order(spec.left_out_tiles, answers[split:], variogram, len(spec.places))
    if searched:
        variogram = _with_sill(variogram, spec.values, left_out)
    return assemble(spec, variogram, how, mapped, left_out)


def check(spec: Spec, job: Job, answer: bytes) -> bool:
    """Whether an answer is possible: value and variance, 2.0 of the tile's unit at most, within their bounds.

    Values are in half ranges of the tile's readings. Outside a cluster of near stations, honest ones were
    seen at 2.5; the bound is far beyond, as it must never fall on an honest device.
    """
    del spec
    if len(answer) != job.answer_bytes:
        return False
    words = struct.unpack(f">{len(answer) // 4}I", answer)
    single = job.input[2] == 1
    values, variances = (words[::2], words[1::2]) if single else (words, ())
    return all(abs(word - (1 << 28)) <= FURTHEST_VALUE << 24 for word in values) and all(
        word <= HIGHEST_SHARE * 2**24 for word in variances)


def _search(spec: Spec) -> Generator[Sequence[Job], Sequence[bytes], tuple[Variogram, int]]:
    """The variogram with the least squared leave-one-out error (Cressie 1993, 2.6.4), coarse then fine."""
    first = first_search(spec.diagonal_m)
    best = yield from _best(spec, first)
    second = second_search(best)
    best = yield from _best(spec, second)
    return best, len(first) + len(second) - 1


def _best(spec: Spec, sets: list[Variogram]) -> Generator[Sequence[Job], Sequence[bytes], Variogram]:
    """Errors are summed as integers, so that the choice is the same wherever this runs again."""
    parts = [sets[at:at + SETS_PER_JOB] for at in range(0, len(sets), SETS_PER_JOB)]
    if len(parts[-1]) == 1:  # a job with one variogram answers in another form
        parts[-2:] = [parts[-2][:-1], [parts[-2][-1], *parts[-1]]]
    answers = yield [tile.job(part) for tile in spec.left_out_tiles for part in parts]
    each = iter(answers)
    unit = (max(spec.values) - min(spec.values)) / 2**20
    errors = dict.fromkeys(sets, 0)
    for tile in spec.left_out_tiles:
        for part in parts:
            for one, values in zip(part, tile.values(next(each)), strict=True):
                errors[one] += sum(round((value - spec.values[t]) / unit) ** 2
                                   for t, value in zip(tile.targets, values, strict=True))
    return min(sets, key=lambda one: errors[one])


def _by_rule(spec: Spec) -> Variogram:
    mean = math.fsum(spec.values) / len(spec.values)
    variance = math.fsum((value - mean) ** 2 for value in spec.values) / (len(spec.values) - 1)
    return Variogram("exponential", spec.diagonal_m / 6, 0.0, variance)


def _with_sill(variogram: Variogram, values: Sequence[float], left_out: Sequence[Estimate]) -> Variogram:
    """The sill that makes the squared leave-one-out errors as large, on average, as their kriging variances."""
    ratios = [(one.value - value) ** 2 / max(one.variance_share, 1e-6)
              for one, value in zip(left_out, values, strict=True)]
    return Variogram(variogram.shape, variogram.range_m, variogram.nugget_share, math.fsum(ratios) / len(ratios))


def _in_order(tiles: Sequence[Tile], answers: Sequence[bytes], variogram: Variogram, count: int) -> list[Estimate]:
    found: dict[int, Estimate] = {}
    for tile, answer in zip(tiles, answers, strict=True):
        found |= dict(zip(tile.targets, tile.estimates(answer, variogram), strict=True))
    return [found[t] for t in range(count)]
