"""Variograms, and the integer form in which the kernel takes them."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lamplighter.tasks.environment.airmap.method.near import Point

ONE = 1 << 20
NARROWEST_UNITS = 24.0

Shape = Literal["exponential", "spherical"]


@dataclass(frozen=True, slots=True)
class Variogram:
    """Semivariance of two readings by their distance: nugget share of the sill at once, the rest by ``shape``.

    ``exponential`` rises as 1 - exp(-h / range), ``spherical`` as 1.5 u - 0.5 u**3, u = h / range, up to u = 1
    (Cressie 1993, section 2.3). ``sill`` is in squared units of the kriged values, nugget included.
    With ``ratio`` below 1 the range is the longest, in the direction ``angle_deg`` clockwise from north, and
    ``ratio`` times as long across it (geometric anisotropy, as in gstat).
    """

    shape: Shape
    range_m: float
    nugget_share: float
    sill: float = 1.0
    angle_deg: float = 0.0
    ratio: float = 1.0

    def stretched(self, points: Sequence[Point]) -> Sequence[Point]:
        """The points in a plane where the range is the same in all directions."""
        if self.ratio == 1:
            return points
        east, north = math.sin(math.radians(self.angle_deg)), math.cos(math.radians(self.angle_deg))
        return [(x * east + y * north, (x * north - y * east) / self.ratio) for x, y in points]

    def rise(self, distance_m: float) -> float:
        """The structured part of the variogram at a distance, from 0 to 1."""
        u = distance_m / self.range_m
        if self.shape == "exponential":
            return -math.expm1(-u)
        return 1.5 * u - 0.5 * u**3 if u < 1 else 1.0

    def covariance(self, distance_m: float) -> float:
        """Covariance as a share of the sill; 1 at distance zero."""
        return 1.0 if distance_m == 0 else (1 - self.nugget_share) * (1 - self.rise(distance_m))


def unit_variance(variogram: Variogram, furthest_m: float) -> float:
    """The share of the sill that the kernel's covariance 1 stands for, in a tile ``furthest_m`` across."""
    return variogram.nugget_share + (1 - variogram.nugget_share) * _level(variogram, furthest_m)


def _level(variogram: Variogram, furthest_m: float) -> float:
    """Covariance of the structured part at distance zero, as a share of its sill, after the shift.

    Ordinary kriging does not change when a constant is added to all covariances. Where the range is long
    against the tile, all covariances are nearly the sill and 20 binary digits do not tell them apart, so
    the constant is chosen to leave 1.5 times the largest semivariance in the tile: enough to keep the
    matrix positive definite in the plane, where the linear variogram needs at most 0.91.
    """
    level = 1.5 * variogram.rise(furthest_m)
    return 1.0 if level >= 0.25 else max(level, 2.0**-10)


def packed(variogram: Variogram, units_per_m: float, furthest_m: float) -> bytes:
    """The kernel's 20 bytes for a tile with ``units_per_m`` coordinate units to the metre.

    Ranges under ``NARROWEST_UNITS`` are taken as that: stations nearer to each other count as one place.
    """
    level, unit = _level(variogram, furthest_m), unit_variance(variogram, furthest_m)
    structured = 1 - variogram.nugget_share
    depth = structured / unit
    doublings = max(0, min(10, math.floor(math.log2(depth)))) if depth > 0 else 0
    if variogram.shape == "spherical":
        model, factor, furthest = 2, 1.0, ONE
    elif level < 1:
        model, factor, furthest = 1, 1.0, min(ONE, 1 << 18 + doublings)
    else:
        model, factor, furthest = 0, math.log2(math.e), 20 * ONE
    per_unit = factor * 2.0 ** (20 + doublings) / max(NARROWEST_UNITS, variogram.range_m * units_per_m)
    shift = max(4, min(30, 19 - math.floor(math.log2(per_unit))))
    scale = max(1, min(ONE - 1, round(per_unit * 2.0**shift)))
    cut = min((1 << 19) - 1, ((furthest << shift) - 1) // scale)
    return struct.pack(">BBBBIIII", model, doublings, shift, 0, scale, cut,
                       min(ONE - 1, round(ONE * structured * level / unit)),
                       min(ONE - 1, round(ONE * depth / 2 ** (doublings + 1))))


def first_search(diagonal_m: float, nuggets: Sequence[float] = (0.0, 0.1, 0.25, 0.5)) -> list[Variogram]:
    """The parameter sets that the automatic variogram tries first; ``diagonal_m``: of the stations' box."""
    return [_of_reach(shape, reach * diagonal_m, nugget) for shape in ("exponential", "spherical")
            for reach in (0.06, 0.12, 0.24, 0.48, 0.96, 1.92) for nugget in nuggets]


def second_search(best: Variogram) -> list[Variogram]:
    """The parameter sets around the best one so far, which comes first."""
    nuggets = sorted({min(0.9, max(0.0, best.nugget_share + step)) for step in (-0.1, -0.05, 0.0, 0.05, 0.1)})
    ranges = [best.range_m * factor for factor in (0.7, 0.84, 1.0, 1.2, 1.4)]
    around = [replace(best, range_m=reach, nugget_share=nugget) for reach in ranges for nugget in nuggets]
    return [best] + [one for one in around if one != best]


def third_search(best: Variogram) -> list[Variogram]:
    """The best one so far with a longer and a shorter range, their mean (geometric) the same, in four directions."""
    return [turned(best, angle, ratio) for ratio in (0.25, 0.5) for angle in (0.0, 45.0, 90.0, 135.0)]


def turned(one: Variogram, angle_deg: float, ratio: float) -> Variogram:
    """The same with its longest range in this direction, and the same mean range."""
    return replace(one, range_m=one.range_m / math.sqrt(ratio), angle_deg=angle_deg, ratio=ratio)


def _of_reach(shape: str, reach_m: float, nugget_share: float) -> Variogram:
    """An exponential variogram comes within 5 % of its sill at three ranges: both shapes get the same reach."""
    if shape == "exponential":
        return Variogram("exponential", reach_m / 3, nugget_share)
    return Variogram("spherical", reach_m, nugget_share)
