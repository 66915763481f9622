"""The published map as text for a terminal, and as CSV, GeoJSON and SVG files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lamplighter.tasks.drawing.geojson import collection
from lamplighter.tasks.drawing.geotiff import geotiff
from lamplighter.tasks.drawing.scale import Scale
from lamplighter.tasks.drawing.table import table
from lamplighter.tasks.environment.airmap.picture import picture
from lamplighter.tasks.environment.airmap.result import columns

SHADES = "·░▒▓█"
PANEL_COLUMNS = 36
PANEL_ROWS = 22
MOST_LISTED = 12


def text(data: dict[str, Any]) -> str:
    """Value and standard error side by side, the scales, the variogram and how far held-out stations were missed."""
    unit = data["unit"] or "units"
    lines = [f"{data['quantity']} in {unit}, {len(data['stations'])} stations"]
    lines += _panels(data) if data["grid"] else _listed(data)
    v, score = data["variogram"], data["held_out"]
    direction = f" towards {v['angle_deg']:g}°, {v['ratio'] * v['range_m']:.4g} m across" if v["ratio"] < 1 else ""
    squared = "ln²" if v["squared_unit_of"] == "ln" else f"({unit})²"
    scale = "ln units" if score["scale"] == "ln" else unit
    said = "no station was held out" if score["rmse"] is None else (
        f"RMSE {score['rmse']:.4g} {scale}, {100 * score['within_two_standard_errors_share']:.0f} % within two "
        "standard errors")
    missing = [f"{data['places_missing']} places are missing: the deadline passed"] if data["places_missing"] else []
    lines += [
        *missing,
        f"variogram  {v['model']}, range {v['range_m']:.4g} m{direction}, nugget {v['nugget']:.4g}, "
        f"partial sill {v['partial_sill']:.4g} {squared}; {v['how']}",
        f"held out  {said}",
        data["scale_note"], *data["notes"],
    ]
    return "\n".join(lines)


def files(data: dict[str, Any]) -> dict[str, bytes]:
    """``airmap.svg``; of a grid ``airmap.tif``; of up to 10,000 places ``airmap.csv`` and ``airmap.geojson``."""
    made = {"airmap.svg": picture(data).encode()}
    if data["grid"]:
        made["airmap.tif"] = geotiff(data["grid"], columns(data), _geographic(data))
    if data["raster"] is None:
        made |= {"airmap.csv": _csv(data), "airmap.geojson": _geojson(data)}
    return made


def centres(data: dict[str, Any]) -> list[tuple[float, float]]:
    """The position of each value, in the input's coordinates."""
    grid = data["grid"]
    if grid is None:
        return [(x, y) for x, y in data["points"]]
    wide, high = (grid["east"] - grid["west"]) / grid["cols"], (grid["north"] - grid["south"]) / grid["rows"]
    digits = 7 if _geographic(data) else 3
    return [(round(grid["west"] + (col + 0.5) * wide, digits), round(grid["north"] - (row + 0.5) * high, digits))
            for row in range(grid["rows"]) for col in range(grid["cols"])]


def _geographic(data: dict[str, Any]) -> bool:
    return str(data["coordinates"]).startswith("degrees")


def _panels(data: dict[str, Any]) -> list[str]:
    both = columns(data)
    scales = [Scale([one for one in column if one == one], data["transform"] == "log", len(SHADES))
              for column in both]
    left, right = (_panel(data["grid"], column, scale) for column, scale in zip(both, scales, strict=True))
    width = max(max(map(len, left)), len("value"))
    lines = [f"{'value':<{width}}   standard error"]
    lines += [f"{a:<{width}}   {b}".rstrip() for a, b in zip(left, right, strict=True)]
    return [*lines, f"{'value':<15}{_legend(scales[0])}", f"{'standard error':<15}{_legend(scales[1])}"]


def _panel(grid: dict[str, Any], values: Sequence[float], scale: Scale) -> list[str]:
    """Characters are about twice as high as wide; each shows the cell at its middle."""
    rows, cols = grid["rows"], grid["cols"]
    high, wide = rows * grid["cell_height_m"], cols * grid["cell_width_m"]
    step = max(wide / PANEL_COLUMNS, high / (2 * PANEL_ROWS))
    across, down = min(2 * cols, max(1, round(wide / step))), min(rows, max(1, round(high / step / 2)))
    picked = [[values[int((r + 0.5) * rows / down) * cols + int((c + 0.5) * cols / across)]
               for c in range(across)] for r in range(down)]
    return ["".join(" " if value != value else SHADES[scale.step(value)] for value in row) for row in picked]


def _legend(scale: Scale) -> str:
    if scale.low == scale.top:
        return f"{SHADES[0]} {scale.label(0)}"
    starts = (f"{shade} from {scale.label(i / len(SHADES))}" for i, shade in enumerate(SHADES))
    return "  ".join(starts) + f" to {scale.label(1)}"


def _listed(data: dict[str, Any]) -> list[str]:
    names = data["point_ids"] or [""] * len(data["points"])
    lines = [f"{name[:20]:<20} {x:>14g} {y:>14g}  {value:>10.4g} ± {error:.3g}"
             for name, (x, y), value, error in _rows(data, names)]
    more = [f"… and {len(lines) - MOST_LISTED} more points"] if len(lines) > MOST_LISTED else []
    return lines[:MOST_LISTED] + more


def _rows(data: dict[str, Any], names: Sequence[str]) -> Iterator[tuple[str, tuple[float, float], float, float]]:
    for row in zip(names, centres(data), data["value"], data["standard_error"], strict=True):
        if row[2] is not None:
            yield row


def _csv(data: dict[str, Any]) -> bytes:
    first = ("lon_deg", "lat_deg") if _geographic(data) else ("x_m", "y_m")
    return table([*first, "value", "standard_error"], (
        [x, y, value, error] for _, (x, y), value, error in _rows(data, [""] * len(data["value"]))))


def _geojson(data: dict[str, Any]) -> bytes:
    """RFC 7946; where the input was in metres the coordinates are too, which a foreign member says."""
    grid = data["grid"]
    names = data["point_ids"] or [""] * len(data["value"])
    features = []
    for name, (x, y), value, error in _rows(data, names):
        properties: dict[str, Any] = {"value": value, "standard_error": error, "unit": data["unit"]}
        if name:
            properties["id"] = name
        shape: dict[str, Any] = {"type": "Point", "coordinates": [x, y]}
        if grid:
            wide = (grid["east"] - grid["west"]) / grid["cols"] / 2
            high = (grid["north"] - grid["south"]) / grid["rows"] / 2
            ring = [(x - wide, y - high), (x + wide, y - high), (x + wide, y + high), (x - wide, y + high)]
            ring = [(round(a, 7), round(b, 7)) for a, b in [*ring, ring[0]]]
            shape = {"type": "Polygon", "coordinates": [ring]}
        features.append((shape, properties))
    return collection({"quantity": data["quantity"], "coordinate_note": data["coordinates"]}, features)
