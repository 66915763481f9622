"""The published answer: the map, its uncertainty, how good it is, and what was done."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter.tasks.drawing import raster
from lamplighter.tasks.drawing.scale import short
from lamplighter.tasks.environment.airmap.jobs import BOX_UNITS
from lamplighter.tasks.environment.airmap.method.near import Near
from lamplighter.tasks.environment.airmap.method.painting import Painting
from lamplighter.tasks.environment.airmap.method.search import variance
from lamplighter.tasks.environment.airmap.method.variogram import Variogram
from lamplighter.tasks.environment.airmap.spec import Spec

FORMAT = 3
MOST_LISTED = 10_000
"""Cells that are published one by one; more are packed."""
FEWEST_TO_WARN = 20
SHARE_TO_WARN = 0.5
NUGGET_IS_NONE = 0.01
LEAST_DOUBT = 0.005
WORSE = 1.05
FLATTERS = 1.1


def assemble(spec: Spec, painting: Painting) -> Result:
    """The whole answer or, where the deadline cut it short, an honest part of it."""
    variogram = painting.with_sill(spec.values) if painting.how.startswith("likely") else painting.variogram
    values, errors = (array("d", [math.nan]) * len(spec.targets) for _ in range(2))
    for t, (value, share) in enumerate(zip(painting.values, painting.variances, strict=True)):
        values[t], errors[t] = _in_unit(painting.middle + value, share * variogram.sill, spec.log)
    missing = sum(spec.targets.shown) - painting.known
    cells = spec.targets.cells
    packed = raster.packed(values, errors, cells.cols) if cells and len(values) > MOST_LISTED else None
    data = {
        "format": FORMAT,
        "quantity": spec.quantity,
        "unit": spec.unit,
        "coordinates": "degrees, WGS 84" if spec.plane.geographic else "metres, as given",
        "transform": "log" if spec.log else "none",
        "scale_note": _scale_note(spec.log),
        **_places(spec),
        "value": [] if packed else _listed(values, _digits(spec)),
        "standard_error": [] if packed else _listed(errors, lambda error: short(error, 4)),
        "raster": packed,
        "places_missing": missing,
        "variogram": {
            "model": variogram.shape, "range_m": short(variogram.range_m, 6),
            "nugget": short(variogram.nugget_share * variogram.sill, 6),
            "partial_sill": short((1 - variogram.nugget_share) * variogram.sill, 6),
            "angle_deg": variogram.angle_deg, "ratio": variogram.ratio,
            "squared_unit_of": "ln" if spec.log else "unit", "how": painting.how,
        },
        "held_out": _held_out(spec, variogram, painting),
        "leave_one_out": _score(spec, variogram, painting.left_out),
        "stations": _stations(spec, painting, variogram.sill),
        "notes": [*spec.notes, *_outliers(spec, painting), *_close_pairs(spec, variogram)],
    }
    data["notes"] += _doubts(spec, painting, data)
    partial = _partial(spec, painting, missing) if painting.late else ""
    return Result(_summary(spec, painting, data, values, errors), data, partial)


def columns(data: Mapping[str, Any]) -> tuple[Sequence[float], Sequence[float]]:
    """Values and standard errors of a published map, in place order, NaN where there is none."""
    if data["raster"] is None:
        values, errors = ([math.nan if one is None else one for one in data[name]]
                          for name in ("value", "standard_error"))
        return values, errors
    value, error = (raster.unpacked(data["raster"][name], data["grid"]["cols"])
                    for name in ("value", "standard_error"))
    return value, error


def _stations(spec: Spec, painting: Painting, sill: float) -> list[dict[str, Any]]:
    """The readings, and what the other stations predict in their place."""
    rows: list[dict[str, Any]] = []
    shorten = _digits(spec)
    for i, (x, y) in enumerate(_given(spec, spec.places)):
        row = {"id": spec.ids[i][:32], "x": x, "y": y, "value": spec.readings[i]}
        if i in painting.left_out:
            guess, share = painting.left_out[i]
            value, error = _in_unit(guess, share * sill, spec.log)
            row |= {"predicted": shorten(value), "predicted_error": short(error, 4)}
        rows.append(row)
    return rows


def _in_unit(value: float, variance: float, log: bool) -> tuple[float, float]:
    """Value and standard error in the readings' unit.

    On the log scale the estimate is normal with the kriging variance, so in the unit it is lognormal: the
    value is its median, the standard error its standard deviation (Aitchison & Brown 1957, 2.2).
    """
    if not log:
        return value, math.sqrt(variance)
    median = math.exp(value)
    return median, median * math.sqrt(math.expm1(variance) * math.exp(variance))


def _scale_note(log: bool) -> str:
    if log:
        return ("kriged as natural logarithms; value is the median exp(estimate), not the mean; standard_error is "
                "the lognormal standard deviation around it")
    return "kriged in the readings' own unit"


def _places(spec: Spec) -> dict[str, Any]:
    """The grid or the points, in the coordinates of the input."""
    cells = spec.targets.cells
    if cells is None:
        points = [[x, y] for x, y in _given(spec, spec.targets.points)]
        return {"grid": None, "points": points, "point_ids": spec.target_ids if any(spec.target_ids) else []}
    corners = [(cells.west_m, cells.north_m - cells.rows * cells.height_m),
               (cells.west_m + cells.cols * cells.width_m, cells.north_m)]
    (west, south), (east, north) = _given(spec, corners)
    return {"grid": {"west": west, "south": south, "east": east, "north": north, "rows": cells.rows,
                     "cols": cells.cols, "cell_width_m": short(cells.width_m, 9),
                     "cell_height_m": short(cells.height_m, 9),
                     "order": "row by row from the north, west to east"}, "points": [], "point_ids": []}


def _given(spec: Spec, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    digits = 7 if spec.plane.geographic else 3
    pairs = (spec.plane.to_given(x, y) for x, y in points)
    return [(round(first, digits), round(second, digits)) for first, second in pairs]


def _listed(column: Sequence[float], shorten: Callable[[float], float]) -> list[float | None]:
    return [None if value != value else shorten(value) for value in column]


def _held_out(spec: Spec, variogram: Variogram, painting: Painting) -> dict[str, Any]:
    """Errors of stations predicted from others as far away as the map's places see them, and inverse distance's."""
    score = _score(spec, variogram, painting.held_out)
    rivals = painting.apart.inverse_distance(spec) if score["stations_missing"] == 0 else []
    other = _rms([guess - value for guess, value in zip(rivals, spec.values, strict=True)]) if rivals else None
    return score | {"stations_apart": len(painting.apart.too_near),
                    "rmse_inverse_distance": None if other is None else short(other, 6)}


def _score(spec: Spec, variogram: Variogram, found: Mapping[int, tuple[float, float]]) -> dict[str, Any]:
    """Errors of stations predicted from others: on the kriged scale, and in the unit where that is another one; None
    with no station."""
    errors = [guess - spec.values[i] for i, (guess, _) in found.items()]
    score: dict[str, Any] = {
        "stations": len(errors), "stations_missing": len(spec.places) - len(errors),
        "scale": "ln" if spec.log else "unit", "rmse": None, "mean_absolute_error": None, "bias": None,
        "within_two_standard_errors_share": None}
    if errors:
        score |= {
            "rmse": short(_rms(errors), 6),
            "mean_absolute_error": short(math.fsum(map(abs, errors)) / len(errors), 6),
            "bias": short(math.fsum(errors) / len(errors), 6),
            "within_two_standard_errors_share": short(sum(
                abs(error) <= 2 * math.sqrt(share * variogram.sill) + 1e-9
                for error, (_, share) in zip(errors, found.values(), strict=True)) / len(errors), 4)}
        if spec.log:
            score["rmse_in_unit"] = short(_rms([math.exp(guess) - spec.readings[i]
                                                 for i, (guess, _) in found.items()]), 6)
    return score


def _doubts(spec: Spec, painting: Painting, data: dict[str, Any]) -> list[str]:
    """What the stations cannot tell: a variogram, places further away than they are, more than distance alone."""
    notes = []
    if painting.how.startswith("by rule") and not painting.preview and max(spec.values) > min(spec.values):
        notes.append(f"{len(spec.places)} stations are too few to choose a variogram: a usual one was taken "
                     "with the readings' own variance, so values and standard errors are rough")
    held, score = data["held_out"], data["leave_one_out"]
    if painting.apart.short:
        notes.append(f"the map reaches so far from its stations that {painting.apart.short} of {len(spec.places)} "
                     "cannot stand in for its places: there, errors may be larger than held-out stations show")
    if painting.how.startswith("likely") and held["rmse_inverse_distance"] is not None \
            and held["rmse"] > WORSE * held["rmse_inverse_distance"]:
        notes.append(f"inverse distance would have missed held-out stations by {held['rmse_inverse_distance']:.3g}, "
                     f"less than kriging's {held['rmse']:.3g}: nearness explains little here")
    if held["rmse"] is not None and score["rmse"] is not None and held["rmse"] > FLATTERS * score["rmse"]:
        notes.append(f"stations stand closer to each other than to the map's places: left out alone, they would be "
                     f"missed by {score['rmse']:.3g} only; {held['rmse']:.3g} is what the map's places may expect")
    return notes


def _rms(errors: Sequence[float]) -> float:
    return math.sqrt(math.fsum(error * error for error in errors) / len(errors))


def _digits(spec: Spec) -> Callable[[float], float]:
    """Six digits of a value or, if that is more, decimals for 100,000 steps of the readings' spread."""
    spread = max(spec.readings) - min(spec.readings)
    decimals = 5 - math.floor(math.log10(spread)) if spread else 0
    return lambda value: round(value, decimals) if spread and abs(value) > spread else short(value, 6)


def _outliers(spec: Spec, painting: Painting) -> list[str]:
    """Where a fiftieth of the stations brings half of the squared error: a local event that kriging cannot draw."""
    squares = sorted(((guess - spec.values[i]) ** 2, i) for i, (guess, _) in painting.left_out.items())
    few = max(1, len(squares) // 50)
    total = math.fsum(square for square, _ in squares)
    if len(squares) < FEWEST_TO_WARN or math.fsum(square for square, _ in squares[-few:]) < SHARE_TO_WARN * total \
            or not total:
        return []
    names = ", ".join(spec.ids[i][:32] or f"number {i + 1}" for _, i in squares[:-few - 1:-1][:3])
    return [f"{few} of {len(squares)} stations ({names}) bring over half of the squared error when left out: a "
            "wrong reading, or a local event such as a plume, that kriging neither foresees nor bounds. Around them, "
            "the map and its standard error are not to be relied on"]


def _close_pairs(spec: Spec, variogram: Variogram) -> list[str]:
    """Stations so close that, without a nugget, the coordinates' 18 bits do not carry their difference exactly."""
    if variogram.nugget_share > NUGGET_IS_NONE:
        return []
    near = Near(spec.places)
    unit_m = spec.diagonal_m / BOX_UNITS
    worst = max(((abs(spec.values[i] - spec.values[other]) * unit_m / apart, i, other, apart)
                 for i, place in enumerate(spec.places) for apart, other in near.around(place, 2) if other != i))
    doubt, one, other, apart = worst
    if doubt <= LEAST_DOUBT * (max(spec.values) - min(spec.values)):
        return []
    names = " and ".join(spec.ids[i][:32] or f"number {i + 1}" for i in sorted((one, other)))
    return [f"stations {names} are only {apart:.3g} m apart and read differently: with a variogram without nugget, "
            f"values near them may be off by about {doubt:.2g}{' in ln units' if spec.log else ''}"]


def _partial(spec: Spec, painting: Painting, missing: int) -> str:
    """What a deadline left out, and how wide the error is there: as wide as the readings spread."""
    spread = math.sqrt(variance(spec.values))
    where = f"{missing} of {missing + painting.known} {'cells' if spec.targets.cells else 'points'} have no value"
    doubt = (f"there, nothing is said beyond the readings' own spread, a standard deviation of {spread:.3g}"
             f"{' in ln units' if spec.log else ' ' + spec.unit if spec.unit else ''}")
    head = f"{where}; {doubt}." if missing else "All places have a value."
    if painting.preview:
        return (f"{head} The variogram was set by rule, not searched, so values and standard errors are rough; no "
                "station was left out to score them.")
    unscored = len(spec.places) - len(painting.left_out)
    if not unscored:
        return head + " Where there is a value, it and its standard error are those of the whole map."
    return (f"{head} Where there is a value, it is that of the whole map; {unscored} of {len(spec.places)} stations "
            "are not in the score nor, with an automatic variogram, in the standard errors.")


def _summary(spec: Spec, painting: Painting, data: dict[str, Any], values: Sequence[float],
             errors: Sequence[float]) -> str:
    shown = (min(value for value in values if value == value), max(value for value in values if value == value))
    some = sorted(error for error in errors[::1 + len(errors) // MOST_LISTED] if error == error)
    typical = some[len(some) // 2] if some else next(error for error in errors if error == error)
    known = painting.known
    unit = f" {spec.unit}" if spec.unit else ""
    what = ("cell" if spec.targets.cells else "point") + ("s" if known > 1 else "")
    head = (f"{spec.quantity} mapped at {known} {what} from {len(spec.readings)} stations: "
            f"{shown[0]:.4g} to {shown[1]:.4g}{unit}, typical standard error {typical:.3g}{unit}.")
    if max(spec.readings) == min(spec.readings):
        silent = " and cannot tell its own error" if spec.variogram is None else ""
        return f"{head} All readings are equal, so the map is that one value{silent}."
    rmse = data["held_out"]["rmse"]
    if rmse is not None:
        miss = f"by a factor of {math.exp(rmse):.2f}" if spec.log else f"by {rmse:.3g}{unit}"
        how = "Held out as far from the others as the map's places are" if data["held_out"]["stations_apart"] else (
            "Left out one at a time")
        head += f" {how}, stations are missed {miss} (root mean square)."
    if len(spec.readings) < 10:
        head += " So few stations carry a sketch, not a survey."
    return head
