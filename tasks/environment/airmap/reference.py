"""The same map by floating-point kriging on the host, and inverse distance beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter.tasks.environment.airmap.jobs import NEIGHBOURS
from lamplighter.tasks.environment.airmap.method.near import Near, Point
from lamplighter.tasks.environment.airmap.method.variogram import Variogram
from lamplighter.tasks.environment.airmap.result import columns
from lamplighter.tasks.environment.airmap.spec import Spec

MOST_POINTS = 1_500
NEAR = 0.02
SHARE_NEAR = 0.99
SPREAD_NEAR = 5e-4
RMSE_NEAR = 1e-3


def reference(spec: Spec, result: Result) -> dict[str, Any]:
    """Kriges at most 1,500 evenly taken targets and all stations left out, in doubles.

    An independent method: the kriging system with the semivariances themselves and the Lagrange row
    (Cressie 1993, 3.2), solved by Gaussian elimination with pivoting; positions unrounded. ``ok``: 99 % of the
    values within 0.02 on the kriged scale, or within 0.05 % of the readings' spread where that is more, and the
    leave-one-out RMSE, where all stations are in it, within 0.1 %.
    """
    variogram = _published(result.data["variogram"])
    places = Near(variogram.stretched(spec.places))
    values, errors = columns(result.data)
    sample = [t for t in spec.targets.sample(MOST_POINTS) if values[t] == values[t]]
    apart: list[float] = []
    error_apart: list[float] = []
    for t, point in zip(sample, variogram.stretched([spec.targets.at(t) for t in sample]), strict=True):
        value, variance = krige(places, spec.values, point, variogram)
        apart.append(abs((math.log(values[t]) if spec.log else values[t]) - value))
        error_apart.append(abs(errors[t] - _error(value, variance, spec.log)))
    bound = max(NEAR, SPREAD_NEAR * (max(spec.values) - min(spec.values)))
    if result.data["raster"] and not spec.log:
        bound += result.data["raster"]["value"]["step"] / 2
    found: dict[str, Any] = {"ok": sum(one <= bound for one in apart) >= SHARE_NEAR * len(apart),
                             "places": len(sample)}
    unit = "ln units" if spec.log else spec.unit or "units"
    text = "No place that both know."
    if apart:
        near = sum(one <= NEAR for one in apart) / len(apart)
        found |= {"largest_difference": max(apart), "share_within_0.02": near,
                  "largest_standard_error_difference": max(error_apart)}
        text = (f"Against floating-point kriging of {len(sample)} of {sum(spec.targets.shown)} places: largest "
                f"difference {max(apart):.2g} {unit}, {100 * near:.1f} % within {NEAR} {unit}; standard error at "
                f"most {max(error_apart):.2g} {spec.unit or 'units'} apart.")
    score = result.data["leave_one_out"]
    if score["stations_missing"] == 0:
        ours, rmse, inverse = score["rmse"], _left_out(spec, places, variogram), _inverse_distance(spec)
        found |= {"rmse": ours, "rmse_floating_point": rmse, "rmse_inverse_distance": inverse,
                  "ok": found["ok"] and abs(ours - rmse) <= RMSE_NEAR * rmse + 1e-9}
        text += (f" Leave-one-out RMSE {ours:.4g}, floating-point {rmse:.4g}, inverse distance {inverse:.4g} {unit}.")
    return found | {"text": text}


def krige(places: Sequence[Point] | Near, values: Sequence[float], target: Point, variogram: Variogram,
          without: int = -1) -> tuple[float, float]:
    """Value and kriging variance at ``target`` from its nearest stations, station ``without`` left out.

    Distances are taken as they are: for a variogram with a direction, give stretched places and target.
    """
    index = places if isinstance(places, Near) else Near(places)
    places = index.places
    near = _nearest(index, target, without)
    if near[0][0] == 0:
        return values[near[0][1]], 0.0
    points = [places[i] for _, i in near]
    rows = [[_semivariance(variogram, math.dist(a, b)) for b in points] + [1.0, _semivariance(variogram, away)]
            for a, (away, _) in zip(points, near, strict=True)]
    solution = solve_linear([*rows, [1.0] * len(near) + [0.0, 1.0]])
    value = math.fsum(w * values[i] for w, (_, i) in zip(solution, near, strict=False))
    share = math.fsum(w * row[-1] for w, row in zip(solution, rows, strict=False)) + solution[-1]
    return value, max(0.0, share * variogram.sill)


def solve_linear(rows: list[list[float]]) -> list[float]:
    """Gaussian elimination with partial pivoting of an augmented matrix, in place."""
    size = len(rows)
    for c in range(size):
        pivot = max(range(c, size), key=lambda r: abs(rows[r][c]))
        rows[c], rows[pivot] = rows[pivot], rows[c]
        head = rows[c]
        for r in range(c + 1, size):
            factor = rows[r][c] / head[c]
            if factor:
                rows[r] = [a - factor * b for a, b in zip(rows[r], head, strict=True)]
    found = [0.0] * size
    for c in reversed(range(size)):
        known = math.fsum(rows[c][k] * found[k] for k in range(c + 1, size))
        found[c] = (rows[c][size] - known) / rows[c][c]
    return found


def _nearest(places: Near, target: Point, without: int) -> list[tuple[float, int]]:
    return [one for one in places.around(target, NEIGHBOURS + 1) if one[1] != without][:NEIGHBOURS]


def _semivariance(variogram: Variogram, distance_m: float) -> float:
    """As a share of the sill."""
    if distance_m == 0:
        return 0.0
    return variogram.nugget_share + (1 - variogram.nugget_share) * variogram.rise(distance_m)


def _published(data: dict[str, Any]) -> Variogram:
    sill = data["nugget"] + data["partial_sill"]
    return Variogram(data["model"], data["range_m"], data["nugget"] / sill if sill else 0.0, sill,
                     data["angle_deg"], data["ratio"])


def _error(value: float, variance: float, log: bool) -> float:
    return math.exp(value) * math.sqrt(math.exp(variance) * math.expm1(variance)) if log else math.sqrt(variance)


def _left_out(spec: Spec, places: Near, variogram: Variogram) -> float:
    errors = [krige(places, spec.values, place, variogram, i)[0] - spec.values[i]
              for i, place in enumerate(places.places)]
    return math.sqrt(math.fsum(e * e for e in errors) / len(errors))


def _inverse_distance(spec: Spec) -> float:
    """Leave-one-out RMSE of inverse squared distance with as many neighbours."""
    total = 0.0
    places = Near(spec.places)
    for i, place in enumerate(spec.places):
        near = [(1 / away**2, spec.values[k]) for away, k in _nearest(places, place, i)]
        guess = math.fsum(w * value for w, value in near) / math.fsum(w for w, _ in near)
        total += (guess - spec.values[i]) ** 2
    return math.sqrt(total / len(spec.places))
