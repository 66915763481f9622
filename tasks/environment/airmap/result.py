"""The published answer: the map, its uncertainty, how good it is, and what was done."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tasks.api import Result
from tasks.environment.airmap.prepare import Spec
from tasks.environment.airmap.tiles import Estimate
from tasks.environment.airmap.variogram import Variogram

FORMAT = 1


def assemble(spec: Spec, variogram: Variogram, how: str, mapped: Sequence[Estimate],
             left_out: Sequence[Estimate]) -> Result:
    """``mapped`` follows ``spec.shown``, ``left_out`` the stations; both are on the kriged scale."""
    values: list[float | None] = [None] * len(spec.targets)
    errors: list[float | None] = [None] * len(spec.targets)
    for t, one in zip(spec.shown, mapped, strict=True):
        value, error = in_unit(one, variogram.sill, spec.log)
        values[t], errors[t] = _short(value, 6), _short(error, 4)
    score = _score(spec, variogram, left_out)
    data = {
        "format": FORMAT,
        "quantity": spec.quantity,
        "unit": spec.unit,
        "coordinates": "degrees, WGS 84" if spec.plane.geographic else "metres, as given",
        "transform": "log" if spec.log else "none",
        "scale_note": _scale_note(spec.log),
        **_places(spec),
        "value": values,
        "standard_error": errors,
        "variogram": {
            "model": variogram.shape, "range_m": _short(variogram.range_m, 6),
            "nugget": _short(variogram.nugget_share * variogram.sill, 6),
            "partial_sill": _short((1 - variogram.nugget_share) * variogram.sill, 6),
            "squared_unit_of": "ln" if spec.log else "unit", "how": how,
        },
        "leave_one_out": score,
        "stations": [{"id": name[:32], "x": x, "y": y, "value": value} for name, (x, y), value
                     in zip(spec.ids, _given(spec, spec.places), spec.readings, strict=True)],
        "notes": spec.notes,
    }
    return Result(_summary(spec, data), data)


def in_unit(one: Estimate, sill: float, log: bool) -> tuple[float, float]:
    """Value and standard error in the readings' unit.

    On the log scale the estimate is normal with the kriging variance, so in the unit it is lognormal: the
    value is its median, the standard error its standard deviation (Aitchison & Brown 1957, 2.2).
    """
    variance = one.variance_share * sill
    if not log:
        return one.value, math.sqrt(variance)
    median = math.exp(one.value)
    return median, median * math.sqrt(math.expm1(variance) * math.exp(variance))


def _scale_note(log: bool) -> str:
    if log:
        return ("kriged as natural logarithms; value is the median exp(estimate), not the mean; standard_error is "
                "the lognormal standard deviation around it")
    return "kriged in the readings' own unit"


def _places(spec: Spec) -> dict[str, Any]:
    """The grid or the points, in the coordinates of the input."""
    if spec.cells is None:
        points = [[x, y] for x, y in _given(spec, spec.targets)]
        return {"grid": None, "points": points, "point_ids": spec.target_ids if any(spec.target_ids) else []}
    cells = spec.cells
    corners = [(cells.west_m, cells.north_m - cells.rows * cells.height_m),
               (cells.west_m + cells.cols * cells.width_m, cells.north_m)]
    (west, south), (east, north) = _given(spec, corners)
    return {"grid": {"west": west, "south": south, "east": east, "north": north, "rows": cells.rows,
                     "cols": cells.cols, "cell_width_m": _short(cells.width_m, 9),
                     "cell_height_m": _short(cells.height_m, 9),
                     "order": "row by row from the north, west to east"}, "points": [], "point_ids": []}


def _given(spec: Spec, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    digits = 7 if spec.plane.geographic else 3
    pairs = (spec.plane.to_given(x, y) for x, y in points)
    return [(round(first, digits), round(second, digits)) for first, second in pairs]


def _score(spec: Spec, variogram: Variogram, left_out: Sequence[Estimate]) -> dict[str, Any]:
    """Leave-one-out errors: on the kriged scale, and in the unit where that is another one."""
    errors = [one.value - value for one, value in zip(left_out, spec.values, strict=True)]
    score: dict[str, Any] = {
        "stations": len(errors),
        "rmse": _short(_rms(errors), 6),
        "mean_absolute_error": _short(math.fsum(map(abs, errors)) / len(errors), 6),
        "bias": _short(math.fsum(errors) / len(errors), 6),
        "scale": "ln" if spec.log else "unit",
        "within_two_standard_errors_share": _short(sum(
            abs(error) <= 2 * math.sqrt(one.variance_share * variogram.sill) + 1e-9
            for error, one in zip(errors, left_out, strict=True)) / len(errors), 4),
    }
    if spec.log:
        score["rmse_in_unit"] = _short(_rms([math.exp(one.value) - reading for one, reading
                                             in zip(left_out, spec.readings, strict=True)]), 6)
    return score


def _rms(errors: Sequence[float]) -> float:
    return math.sqrt(math.fsum(error * error for error in errors) / len(errors))


def _short(number: float, digits: int) -> float:
    return float(f"{number:.{digits}g}")


def _summary(spec: Spec, data: dict[str, Any]) -> str:
    shown = [value for value in data["value"] if value is not None]
    errors = sorted(error for error in data["standard_error"] if error is not None)
    unit = f" {spec.unit}" if spec.unit else ""
    what = ("cell" if spec.cells else "point") + ("s" if len(shown) > 1 else "")
    typical = errors[len(errors) // 2]
    head = (f"{spec.quantity} mapped at {len(shown)} {what} from {len(spec.readings)} stations: "
            f"{min(shown):.4g} to {max(shown):.4g}{unit}, typical standard error {typical:.3g}{unit}.")
    if max(spec.readings) == min(spec.readings):
        silent = " and cannot tell its own error" if spec.variogram is None else ""
        return f"{head} All readings are equal, so the map is that one value{silent}."
    rmse = data["leave_one_out"]["rmse"]
    miss = f"by a factor of {math.exp(rmse):.2f}" if spec.log else f"by {rmse:.3g}{unit}"
    tail = f" Left out one at a time, stations are missed {miss} (root mean square)."
    if len(spec.readings) < 10:
        tail += " So few stations carry a sketch, not a survey."
    return head + tail
