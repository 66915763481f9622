"""The check as an SVG: a map with the suspect stations on the left, scores over time on the right."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from lamplighter.tasks.drawing.svg import document
from lamplighter.tasks.environment.airmap.method.plane import Plane
from lamplighter.tasks.environment.sensorqc.method.strip import ranked, strip

MAP = 420
LEFT = 40
TOP = 78
STRIP_LEFT = 660
COLUMNS = 120
CELL_WIDTH = 3.5
ROW = 14
MOST_ROWS = 40
MOST_NAMED = 12
SUSPECT = "#c0262d"
BELOW = ("#e8eef4", "#9dbbd8", "#4a7fb5", "#123f73")
ABOVE = ("#f6ece6", "#f0b48a", "#d9652f", "#8f2410")
STEPS = (1.5, 3, 5)


def picture(data: dict[str, Any]) -> str:
    rows = ranked(data)[:MOST_ROWS]
    height = max(TOP + MAP + 70, TOP + ROW * len(rows) + 74)
    width = STRIP_LEFT + COLUMNS * CELL_WIDTH + 40
    suspects = sum(one["verdict"] == "suspect" for one in data["stations"])
    title = (f"{data['quantity']}{' in ' + data['unit'] if data['unit'] else ''}: {suspects} "
             f"of {len(data['stations'])} stations suspect, {data['flagged_count']} of {data['checked']} readings "
             "flagged")
    return document(width, height, [
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="28" font-size="17">{escape(title)}</text>',
        *_map(data), *_strips(data, rows)], font_size=11)


def _map(data: dict[str, Any]) -> list[str]:
    points = [(one["x"], one["y"]) for one in data["stations"]]
    if str(data["coordinates"]).startswith("degrees"):
        plane = Plane(True, *(sum(side) / len(side) for side in zip(*points, strict=True)))
        points = [plane.to_metres(*point) for point in points]
    west, north = min(x for x, _ in points), max(y for _, y in points)
    longest = max(max(x for x, _ in points) - west, north - min(y for _, y in points)) or 1.0
    scale = (MAP - 24) / longest
    places = [(LEFT + 12 + (x - west) * scale, TOP + 12 + (north - y) * scale) for x, y in points]
    parts = [f'<text x="{LEFT}" y="{TOP - 10}" font-size="13">stations</text>',
             f'<rect x="{LEFT}" y="{TOP}" width="{MAP}" height="{MAP}" fill="none" stroke="#999"/>']
    named = [i for i in ranked(data) if data["stations"][i]["verdict"] == "suspect"][:MOST_NAMED]
    for i, ((x, y), one) in enumerate(zip(places, data["stations"], strict=True)):
        fill = {"suspect": SUSPECT, "not checked": "#fff"}.get(one["verdict"], "#7a8a99")
        hint = escape(f"{one['id']}: {'; '.join(one['reasons']) or one['verdict']}")
        radius = 5 if one["verdict"] == "suspect" else 3
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}" stroke="#333" '
                     f'stroke-width="0.6"><title>{hint}</title></circle>')
        if i in named:
            end = x > LEFT + MAP * 0.75
            parts.append(f'<text x="{x - 8 if end else x + 8:.1f}" y="{y + 4:.1f}" fill="{SUSPECT}" '
                         f'text-anchor="{"end" if end else "start"}">{escape(one["id"][:20])}</text>')
    below = TOP + MAP + 20
    for at, (fill, label) in enumerate(((SUSPECT, "suspect"), ("#7a8a99", "no objection"), ("#fff", "not checked"))):
        parts.append(f'<circle cx="{LEFT + 8 + 110 * at}" cy="{below}" r="4" fill="{fill}" stroke="#333" '
                     f'stroke-width="0.6"/><text x="{LEFT + 18 + 110 * at}" y="{below + 4}">{label}</text>')
    return parts


def _strips(data: dict[str, Any], rows: Sequence[int]) -> list[str]:
    times = data["times"]
    count = min(COLUMNS, len(times))
    wide = COLUMNS * CELL_WIDTH / count
    more = len(data["stations"]) - len(rows)
    parts = [f'<text x="{STRIP_LEFT}" y="{TOP - 24}" font-size="13">farthest score over time'
             f'{f" (the {len(rows)} most doubtful; {more} more)" if more else ""}</text>',
             f'<text x="{STRIP_LEFT}" y="{TOP - 8}" fill="#555">{escape(times[0])}</text>',
             f'<text x="{STRIP_LEFT + COLUMNS * CELL_WIDTH:.0f}" y="{TOP - 8}" fill="#555" text-anchor="end">'
             f"{escape(times[-1])}</text>"]
    for number, i in enumerate(rows):
        y, one = TOP + number * ROW, data["stations"][i]
        colour = SUSPECT if one["verdict"] == "suspect" else "#333"
        parts.append(f'<text x="{STRIP_LEFT - 8}" y="{y + 10}" text-anchor="end" fill="{colour}">'
                     f"{escape(one['id'][:24])}</text>")
        for column, tenths in enumerate(strip(data["scores_tenths"][i], count)):
            if tenths is not None:
                parts.append(f'<rect x="{STRIP_LEFT + column * wide:.1f}" y="{y}" width="{wide + 0.2:.1f}" '
                             f'height="{ROW - 3}" fill="{_colour(tenths)}"/>')
    return parts + _legend(TOP + len(rows) * ROW + 16)


def _colour(tenths: int) -> str:
    ramp = ABOVE if tenths > 0 else BELOW
    return ramp[sum(abs(tenths) >= 10 * step for step in STEPS)]


def _legend(y: float) -> list[str]:
    shown = [(BELOW[3], "≤ -5"), (BELOW[2], "-3"), (BELOW[1], "-1.5"), (ABOVE[0], "0"), (ABOVE[1], "1.5"),
             (ABOVE[2], "3"), (ABOVE[3], "≥ 5")]
    parts = [f'<rect x="{STRIP_LEFT + 52 * at}" y="{y}" width="14" height="11" fill="{fill}"/>'
             f'<text x="{STRIP_LEFT + 52 * at + 18}" y="{y + 10}">{label}</text>'
             for at, (fill, label) in enumerate(shown)]
    return [*parts, f'<text x="{STRIP_LEFT}" y="{y + 30}" fill="#555">standard errors from what the neighbours '
                    "say; white: no reading</text>"]
