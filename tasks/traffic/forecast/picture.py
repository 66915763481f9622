"""The forecast as an SVG: for up to six detectors the last days, the hours ahead, their band, the plain median."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from lamplighter.tasks.drawing.svg import document

WIDTH, HEIGHT = 760, 180
LEFT, TOP, RIGHT = 64, 70, 24
GAP = 58
SEEN, AHEAD, BAND, MEDIAN, AXIS = "#3a4a58", "#c2410c", "#f6c79f", "#2563a8", "#9aa4ad"


def picture(data: dict[str, Any]) -> str:
    shown = [one for one in data["detectors"] if "recent_per_hour" in one and one["expected_per_hour"]]
    total = TOP + len(shown) * (HEIGHT + GAP)
    of = f": {len(shown)} of {len(data['detectors'])} detectors" if len(data["detectors"]) > len(shown) else ""
    parts = ['<rect width="100%" height="100%" fill="#fff"/>',
             f'<text x="{LEFT}" y="26" font-size="18">Traffic forecast in {escape(data["unit"])}{of}</text>',
             *_legend(data["band_percent"])]
    for number, one in enumerate(shown):
        parts += _panel(data, one, TOP + number * (HEIGHT + GAP) + 18)
    return document(LEFT + WIDTH + RIGHT, total, parts)


def _legend(percent: int) -> list[str]:
    entries = ((SEEN, "counted"), (AHEAD, "forecast"), (BAND, f"band for {percent} of 100 hours"),
               (MEDIAN, "median of six weeks"))
    parts, x = [], LEFT
    for colour, words in entries:
        high = 10 if colour == BAND else 3
        parts.append(f'<line x1="{x}" y1="46" x2="{x + 24}" y2="46" stroke="{colour}" stroke-width="{high}" '
                     f'stroke-dasharray="{"5 4" if colour == MEDIAN else "none"}"/>'
                     f'<text x="{x + 30}" y="50">{words}</text>')
        x += 58 + 7 * len(words)
    return parts


def _panel(data: dict[str, Any], one: dict[str, Any], top: float) -> list[str]:
    recent, ahead = one["recent_per_hour"], len(one["expected_per_hour"])
    step = WIDTH / (len(recent) + ahead)
    most = _round_up(max([flow for flow in (*recent, *one["six_week_median_per_hour"]) if flow is not None]
                         + one["high_per_hour"]))
    begin = LEFT + len(recent) * step

    def place(hour: float, flow: float) -> str:
        return f"{LEFT + (hour + 0.5) * step:.1f},{top + HEIGHT * (1 - flow / most):.1f}"

    first = len(recent)
    score = one["backtest"]
    told = (f"mean error {score['mean_absolute_error_per_hour']:.3g}, of the plain median "
            f"{score['six_week_median_error_per_hour']:.3g} {data['unit']} in {data['backtest_days']} days"
            if score else "not tested")
    parts = [f'<text x="{LEFT}" y="{top - 8:.0f}" font-weight="bold">{escape(one["id"])}</text>'
             f'<text x="{LEFT + WIDTH}" y="{top - 8:.0f}" text-anchor="end" fill="#555">{told}</text>',
             *_axes(data["hours"], first, top, most, step)]
    high = [place(first + h, flow) for h, flow in enumerate(one["high_per_hour"])]
    low = [place(first + h, flow) for h, flow in enumerate(one["low_per_hour"])]
    parts.append(f'<polygon points="{" ".join([*high, *reversed(low)])}" fill="{BAND}"/>')
    parts.append(f'<line x1="{begin:.1f}" y1="{top:.0f}" x2="{begin:.1f}" y2="{top + HEIGHT:.0f}" stroke="{AXIS}" '
                 'stroke-dasharray="2 3"/>')
    for flows, start, colour, dash in ((recent, 0, SEEN, ""), (one["six_week_median_per_hour"], first, MEDIAN, "5 4"),
                                       (one["expected_per_hour"], first, AHEAD, "")):
        parts += [f'<polyline points="{" ".join(run)}" fill="none" stroke="{colour}" stroke-width="1.8" '
                  f'stroke-dasharray="{dash or "none"}"/>' for run in _runs(flows, start, place)]
    return parts


def _runs(flows: Sequence[float | None], start: int, place: Any) -> list[list[str]]:
    """Stretches without a missing hour, as points; a lone hour is drawn as a short dash."""
    runs: list[list[str]] = [[]]
    for hour, flow in enumerate(flows, start):
        if flow is not None:
            runs[-1].append(place(hour, flow))
        elif runs[-1]:
            runs.append([])
    return [run if len(run) > 1 else [run[0], run[0]] for run in runs if run]


def _axes(hours: Sequence[str], first: int, top: float, most: float, step: float) -> list[str]:
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = top + HEIGHT * (1 - share)
        parts.append(f'<line x1="{LEFT}" y1="{y:.0f}" x2="{LEFT + WIDTH}" y2="{y:.0f}" stroke="#e3e7ea"/>'
                     f'<text x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end" fill="#555">{most * share:g}</text>')
    phase = int(hours[0][11:13]) - first
    for hour in range(first + len(hours)):
        clock = (phase + hour) % 24
        if clock % 6 == 0:
            x = LEFT + hour * step
            parts.append(f'<line x1="{x:.1f}" y1="{top + HEIGHT:.0f}" x2="{x:.1f}" y2="{top + HEIGHT + 5:.0f}" '
                         f'stroke="{AXIS}"/><text x="{x:.1f}" y="{top + HEIGHT + 18:.0f}" text-anchor="middle" '
                         f'fill="#555">{clock:02d}</text>')
            if hour >= first and clock == 0:
                parts.append(f'<text x="{x + 4:.1f}" y="{top + HEIGHT + 32:.0f}" fill="#555">'
                             f"{hours[hour - first][:10]}</text>")
    return parts


def _round_up(most: float) -> float:
    """The next round number, with a round half."""
    power = 1.0
    while power * 10 <= most:
        power *= 10
    steps = (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10)
    return next(step * power for step in steps if step * power >= most)
