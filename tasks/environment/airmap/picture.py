"""The map as an SVG: values on the left, their standard error on the right, stations as rings."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from tasks.environment.airmap.scale import Scale

PANEL = 420
GAP = 60
TOP = 64
BOTTOM = 84
CLASSES = 12
RAMPS = {
    "value": ((255, 247, 205), (253, 189, 92), (222, 91, 60), (146, 31, 74), (52, 17, 66)),
    "standard_error": ((240, 246, 250), (168, 204, 222), (94, 150, 184), (42, 94, 138), (14, 42, 82)),
}
TITLES = {"value": "value", "standard_error": "standard error"}

Place = Callable[[float, float], tuple[float, float]]


def picture(data: dict[str, Any]) -> str:
    """SVG 1.1, no script, no font beyond the viewer's own."""
    west, south, east, north = _extent(data)
    # degrees are as long as their middle latitude makes them: the grid's own cells tell
    stretch = _stretch(data, east - west, north - south)
    scale = PANEL / max((east - west) * stretch, north - south)
    width, height = (east - west) * stretch * scale, (north - south) * scale
    total = 3 * GAP + 2 * width, TOP + height + BOTTOM
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total[0]:.0f} {total[1]:.0f}" '
             f'width="{total[0]:.0f}" height="{total[1]:.0f}" font-family="sans-serif" font-size="13">',
             f'<rect width="100%" height="100%" fill="#fff"/><text x="{GAP}" y="28" font-size="18">'
             f"{escape(data['quantity'])}{escape(' in ' + data['unit'] if data['unit'] else '')}</text>"]
    for key, left in (("value", float(GAP)), ("standard_error", 2 * GAP + width)):
        place = _placer(west, north, stretch * scale, scale, left)
        parts += _panel(data, key, place, (left, width, height))
    return "\n".join([*parts, "</svg>\n"])


def _extent(data: dict[str, Any]) -> tuple[float, float, float, float]:
    grid = data["grid"]
    if grid:
        return grid["west"], grid["south"], grid["east"], grid["north"]
    points = [*((x, y) for x, y in data["points"]), *((one["x"], one["y"]) for one in data["stations"])]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    margin = max(east - west, north - south) / 20
    return west - margin, south - margin, east + margin, north + margin


def _stretch(data: dict[str, Any], wide: float, high: float) -> float:
    """How much longer a unit of x is than a unit of y on the ground."""
    grid = data["grid"]
    if grid:
        return float(grid["cell_width_m"] * grid["cols"] / wide / (grid["cell_height_m"] * grid["rows"] / high))
    return 1.0


def _placer(west: float, north: float, x_scale: float, y_scale: float, left: float) -> Place:
    return lambda x, y: (left + (x - west) * x_scale, TOP + (north - y) * y_scale)


def _panel(data: dict[str, Any], key: str, place: Place, box: tuple[float, float, float]) -> list[str]:
    left, width, height = box
    scale = Scale([value for value in data[key] if value is not None], data["transform"] == "log", CLASSES)
    classes = [None if value is None else scale.step(value) for value in data[key]]
    parts = [f'<text x="{left:.0f}" y="{TOP - 12}">{TITLES[key]}</text>']
    parts += _cells(data["grid"], classes, key, box) if data["grid"] else _dots(data["points"], classes, key, place)
    parts += [f'<rect x="{left:.1f}" y="{TOP}" width="{width:.1f}" height="{height:.1f}" fill="none" stroke="#999"/>']
    for station in data["stations"]:
        x, y = place(station["x"], station["y"])
        if left <= x <= left + width and TOP <= y <= TOP + height:
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="none" stroke="#000" stroke-width="0.8">'
                         f"<title>{escape(station['id'])} {station['value']:g}</title></circle>")
    return parts + _legend(key, scale, left, TOP + height + 16, min(width, 280))


def _cells(grid: dict[str, Any], classes: Sequence[int | None], key: str,
           box: tuple[float, float, float]) -> list[str]:
    """Neighbours of one class in a row make one rectangle."""
    left, width, height = box
    wide, high = width / grid["cols"], height / grid["rows"]
    parts = []
    for row in range(grid["rows"]):
        at = 0
        for shade, run in itertools.groupby(classes[row * grid["cols"]:(row + 1) * grid["cols"]]):
            count = len(list(run))
            if shade is not None:
                parts.append(f'<rect x="{left + at * wide:.2f}" y="{TOP + row * high:.2f}" height="{high + 0.3:.2f}" '
                             f'width="{count * wide + 0.3:.2f}" fill="{_colour(key, shade)}"/>')
            at += count
    return parts


def _dots(points: Sequence[Sequence[float]], classes: Sequence[int | None], key: str, place: Place) -> list[str]:
    return [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{_colour(key, shade)}"/>'
            for (x, y), shade in zip((place(p[0], p[1]) for p in points), classes, strict=True) if shade is not None]


def _legend(key: str, scale: Scale, left: float, y: float, width: float) -> list[str]:
    step = width / CLASSES
    parts = [f'<rect x="{left + i * step:.1f}" y="{y:.0f}" width="{step + 0.3:.1f}" height="12" '
             f'fill="{_colour(key, i)}"/>' for i in range(CLASSES)]
    return parts + [f'<text x="{left + share * width:.0f}" y="{y + 28:.0f}" text-anchor="{anchor}">'
                    f"{scale.label(share)}</text>"
                    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))]


def _colour(key: str, shade: int) -> str:
    ramp = RAMPS[key]
    at = shade / (CLASSES - 1) * (len(ramp) - 1)
    first = min(len(ramp) - 2, int(at))
    mixed = (round(a + (b - a) * (at - first)) for a, b in zip(ramp[first], ramp[first + 1], strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)
