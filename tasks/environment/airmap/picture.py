"""The map as an SVG: values on the left, their standard error on the right, stations as rings."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from lamplighter.tasks.drawing.png import Colour, indexed
from lamplighter.tasks.drawing.scale import Scale, blend, plain
from lamplighter.tasks.drawing.svg import document
from lamplighter.tasks.environment.airmap.result import columns

PANEL = 420
GAP = 60
TOP = 84
BOTTOM = 110
CLASSES = 12
MOST_PIXELS = 1_000
MOST_RINGS = 1_000
RAMPS = {
    "value": ((255, 247, 205), (253, 189, 92), (222, 91, 60), (146, 31, 74), (52, 17, 66)),
    "standard error": ((240, 246, 250), (168, 204, 222), (94, 150, 184), (42, 94, 138), (14, 42, 82)),
}
Place = Callable[[float, float], tuple[float, float]]


def picture(data: dict[str, Any]) -> str:
    """The cells are a PNG inside."""
    west, south, east, north = _extent(data)
    stretch = _stretch(data)
    scale = PANEL / max((east - west) * stretch, north - south)
    width, height = (east - west) * stretch * scale, (north - south) * scale
    total = 3 * GAP + 2 * max(width, 260), TOP + height + BOTTOM
    unit = f" in {data['unit']}" if data["unit"] else ""
    parts = [f'<rect width="100%" height="100%" fill="#fff"/><text x="{GAP}" y="32" font-size="18">'
             f"{escape(data['quantity'] + unit)}</text>",
             f'<text x="{GAP}" y="52" fill="#555">{escape(_subtitle(data))}</text>']
    for (title, ramp), column, left in zip(RAMPS.items(), columns(data), (float(GAP), 2 * GAP + max(width, 260)),
                                           strict=True):
        place = _placer(west, north, stretch * scale, scale, left)
        parts += _panel(data, title, ramp, column, place, (left, width, height))
    parts += _ground(data, width / ((east - west) * stretch), TOP + height + 64)
    return document(*total, parts, font_size=13)


def _subtitle(data: dict[str, Any]) -> str:
    score, v = data["held_out"], data["variogram"]
    said = f"{len(data['stations'])} stations, ordinary kriging, {v['model']} variogram of {plain(v['range_m'])} m"
    if score["rmse"] is not None:
        unit = "ln units" if score["scale"] == "ln" else data["unit"]
        said += f", held-out RMSE {plain(score['rmse'])} {unit}"
    return said.rstrip() + (f"; {data['places_missing']} places missing" if data["places_missing"] else "")


def _extent(data: dict[str, Any]) -> tuple[float, float, float, float]:
    grid = data["grid"]
    if grid:
        return grid["west"], grid["south"], grid["east"], grid["north"]
    points = [*((x, y) for x, y in data["points"]), *((one["x"], one["y"]) for one in data["stations"])]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    margin = max(east - west, north - south) / 20
    return west - margin, south - margin, east + margin, north + margin


def _stretch(data: dict[str, Any]) -> float:
    """How much longer a unit of x is than a unit of y on the ground: degrees shrink with the latitude."""
    if not data["coordinates"].startswith("degrees"):
        return 1.0
    _, south, _, north = _extent(data)
    return math.cos(math.radians((south + north) / 2))


def _placer(west: float, north: float, x_scale: float, y_scale: float, left: float) -> Place:
    return lambda x, y: (left + (x - west) * x_scale, TOP + (north - y) * y_scale)


def _panel(data: dict[str, Any], title: str, ramp: Sequence[Colour], column: Sequence[float],
           place: Place, box: tuple[float, float, float]) -> list[str]:
    left, width, height = box
    scale = Scale([one for one in column if one == one], data["transform"] == "log", CLASSES)
    colours = [blend(ramp, shade / (CLASSES - 1)) for shade in range(CLASSES)]
    parts = [f'<text x="{left:.0f}" y="{TOP - 10}">{title}</text>',
             f'<rect x="{left:.1f}" y="{TOP}" width="{width:.1f}" height="{height:.1f}" fill="#f4f4f4"/>']
    if data["grid"]:
        image = base64.b64encode(indexed(_lines(data["grid"], column, scale), colours)).decode()
        parts.append(f'<image x="{left:.1f}" y="{TOP}" width="{width:.1f}" height="{height:.1f}" '
                     'preserveAspectRatio="none" style="image-rendering:pixelated" '
                     f'href="data:image/png;base64,{image}"/>')
    else:
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="#{bytes(colours[scale.step(one)]).hex()}" '
                  'stroke="#555"/>' for (x, y), one in zip((place(*point) for point in data["points"]), column,
                                                           strict=True) if one == one]
    parts += [f'<rect x="{left:.1f}" y="{TOP}" width="{width:.1f}" height="{height:.1f}" fill="none" stroke="#999"/>']
    for station in data["stations"][:MOST_RINGS]:
        x, y = place(station["x"], station["y"])
        if left <= x <= left + width and TOP <= y <= TOP + height:
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="none" stroke="#000" stroke-width="0.8">'
                         f"<title>{escape(station['id'])} {station['value']:g}</title></circle>")
    return parts + _legend(scale, colours, left, TOP + height + 16, max(200.0, min(width, 280)))


def _lines(grid: dict[str, Any], column: Sequence[float], scale: Scale) -> list[bytes]:
    """One pixel a cell, of large grids every second, third ..."""
    rows, cols = grid["rows"], grid["cols"]
    each = -(-max(rows, cols) // MOST_PIXELS)
    return [bytes(0 if one != one else 1 + scale.step(one) for one in column[row * cols:(row + 1) * cols:each])
            for row in range(0, rows, each)]


def _legend(scale: Scale, colours: Sequence[Colour], left: float, y: float, width: float) -> list[str]:
    step = width / CLASSES
    parts = [f'<rect x="{left + i * step:.1f}" y="{y:.0f}" width="{step + 0.3:.1f}" height="12" '
             f'fill="#{bytes(colour).hex()}"/>' for i, colour in enumerate(colours)]
    return parts + [f'<text x="{left + share * width:.0f}" y="{y + 28:.0f}" text-anchor="{anchor}">'
                    f"{scale.label(share)}</text>"
                    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))]


def _ground(data: dict[str, Any], pixels_per_unit: float, y: float) -> list[str]:
    """A bar of a round length on the ground, and what the rings are."""
    grid = data["grid"]
    if not grid:
        return [f'<text x="{GAP}" y="{y + 30:.0f}" fill="#555">rings are stations, discs the places asked for</text>']
    across_m = grid["cell_width_m"] * grid["cols"]
    pixels_per_m = pixels_per_unit * (grid["east"] - grid["west"]) * _stretch(data) / across_m
    length_m = 10.0 ** len(str(int(across_m / 4))) / 10
    length_m *= max(step for step in (1, 2, 5) if step * length_m <= max(across_m / 4, length_m))
    name = f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"
    end = GAP + length_m * pixels_per_m
    return [f'<path d="M{GAP} {y + 20:.0f}v6H{end:.1f}v-6" fill="none" stroke="#333"/>'
            f'<text x="{end + 8:.0f}" y="{y + 28:.0f}" fill="#333">{name}; rings are stations</text>']
