"""Many variograms that may be, told as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lamplighter.tasks.environment.airmap.jobs import NEIGHBOURS
from lamplighter.tasks.environment.airmap.method.near import Near
from lamplighter.tasks.environment.airmap.method.variogram import Shape, Variogram
from lamplighter.tasks.environment.airmap.spec import Spec

POWER = 0.5
"""Likelihoods count by their square root: no variogram is quite true, so the readings tell less of it than they
would if one were (Bissiri, Holmes and Walker 2016). Chosen on the fields ``CHOSEN_ON`` of the quality report."""
DISTANCES = 25
MOST_PLACES = 256
STEP, STEPS = 1.09, 60
DIGITS = 4

Likely = Sequence[tuple[Variogram, float]]
"""Variograms with the sill that makes each likeliest, and the logarithms of their likelihoods."""


def distances(spec: Spec, variogram: Variogram) -> list[float]:
    """How far the map's places are from their nearest stations, where the range is the same in all directions: 25 of
    these distances, evenly taken by rank."""
    near = Near(variogram.stretched(spec.places))
    places = variogram.stretched([spec.targets.at(t) for t in spec.targets.sample(MOST_PLACES)])
    apart = sorted(away for place in places for away, _ in near.around(place, NEIGHBOURS) if away)
    return [apart[(2 * rank + 1) * len(apart) // (2 * DISTANCES)] for rank in range(DISTANCES)]


def typical(likely: Likely, apart_m: Sequence[float]) -> Variogram:
    """The variogram that comes nearest to the mean of these, weighted by likelihood, at these distances.

    Readings at unknown variogram have the mean of all covariances, so that is what to krige with; their parameters'
    mean is another thing, as those that are alike in a map may have a long range and little nugget or the reverse.
    What comes near is told by the least squares of relative errors. All are of one direction. The sill is 1 again;
    numbers are rounded, so that they are the same wherever this runs again.
    """
    highest = max(log for _, log in likely)
    weights = [math.exp(POWER * (log - highest)) * one.sill for one, log in likely]
    total = math.fsum(weights)
    mean = [math.fsum(weight * (1 - one.covariance(away)) for weight, (one, _) in zip(weights, likely, strict=True))
            / total for away in apart_m]
    tried: dict[Shape, list[Variogram]] = {}
    for one, _ in likely:
        tried.setdefault(one.shape, []).append(one)
    shortest = {some[0]: min(one.range_m for one in some) / 2 for some in tried.values()}
    fits = [_fitted(replace(one, range_m=range_m * STEP**step), apart_m, mean)
            for one, range_m in shortest.items() for step in range(STEPS)]
    best = min(fits, key=lambda fit: fit.misses).variogram
    return replace(best, range_m=float(f"{best.range_m:.{DIGITS}g}"), nugget_share=round(best.nugget_share, DIGITS))


@dataclass(frozen=True, slots=True)
class _Fit:
    variogram: Variogram
    misses: float


def _fitted(one: Variogram, apart_m: Sequence[float], wanted: Sequence[float]) -> _Fit:
    """The nugget's share with which this shape and range come nearest."""
    level = [1 / value for value in wanted]
    rises = [one.rise(away) / value for away, value in zip(apart_m, wanted, strict=True)]
    nugget, partial = _least_squares(level, rises)
    misses = math.fsum((nugget * a + partial * b - 1) ** 2 for a, b in zip(level, rises, strict=True))
    return _Fit(replace(one, nugget_share=nugget / (nugget + partial), sill=1.0), misses)


def _least_squares(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """How often to take each, none less than never, for sums near 1."""
    aa, ab, bb = (math.fsum(a * b for a, b in zip(one, other, strict=True))
                  for one, other in ((first, first), (first, second), (second, second)))
    a, b = math.fsum(first), math.fsum(second)
    free = aa * bb - ab * ab
    if free > 1e-9 * aa * bb:
        both = (a * bb - b * ab) / free, (b * aa - a * ab) / free
        if min(both) >= 0:
            return both
    return max(((a / aa, 0.0), (0.0, b / bb)), key=lambda some: some[0] * a + some[1] * b)
