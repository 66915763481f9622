"""The published forecast as text for a terminal, and as CSV, JSON and SVG files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lamplighter.tasks.drawing.table import table
from lamplighter.tasks.traffic.forecast.picture import picture
from lamplighter.tasks.traffic.forecast.result import verdict

BARS = "▁▂▃▄▅▆▇█"
PLOT_ROWS = 8
LISTED_MAX = 20
COLUMNS = ("expected_per_hour", "low_per_hour", "high_per_hour")


def text(data: dict[str, Any]) -> str:
    """The busiest detector's day with its band, a line for each detector, and how good such forecasts were."""
    known = [one for one in data["detectors"] if one["expected_per_hour"]]
    hours = data["hours"]
    lines = [f"Forecast in {data['unit']}, {hours[0]} to {hours[-1]}; band: {data['band_percent']} of 100 hours", ""]
    lines += _plot(max(known, key=lambda one: max(one["expected_per_hour"])), hours)
    lines += ["", f"{'detector':<24} {'each hour':<{len(hours)}}  busiest     flow  band              error  median"]
    lines += [_line(one, hours) for one in data["detectors"][:LISTED_MAX]]
    if len(data["detectors"]) > LISTED_MAX:
        lines.append(f"… and {len(data['detectors']) - LISTED_MAX} more detectors, all in the files")
    lines += [f"left out: {one['id']}, {one['why']}" for one in data["left_out"][:LISTED_MAX]]
    return "\n".join([*lines, "", verdict(data["backtest"], data["backtest_days"]), *data["notes"]])


def _plot(one: dict[str, Any], hours: Sequence[str]) -> list[str]:
    """Columns of an hour: full to the lower end of the band, shaded from there to its upper end."""
    wide = 3 if len(hours) <= 26 else 2
    step = (max(one["high_per_hour"]) or 1) / PLOT_ROWS
    lines = [f"{one['id']}: █ at least, ▒ up to (band)"]
    for row in range(PLOT_ROWS, 0, -1):
        floor = step * (row - 1)
        cells = (_cell((low - floor) / step, (high - floor) / step)
                 for low, high in zip(one["low_per_hour"], one["high_per_hour"], strict=True))
        lines.append(f"{step * row:>8.0f} ┤" + "".join(cell * (wide - 1) + " " for cell in cells).rstrip())
    marks = "".join(f"{hour[11:13]:<{3 * wide}}" for hour in hours[::3])
    return [*lines, f"{'':>9}└{'─' * (wide * len(hours))}", f"{'':>10}{marks.rstrip()}"]


def _cell(low: float, high: float) -> str:
    """One character of a column, whose full and shaded part reach so high in it."""
    if low >= 1:
        return "█"
    if high >= 0.5:
        return "▒"
    return BARS[int(8 * low)] if low > 0 else " "


def _line(one: dict[str, Any], hours: Sequence[str]) -> str:
    if not one["expected_per_hour"]:
        return f"{one['id'][:24]:<24} no forecast: not done in time"
    flows, score = one["expected_per_hour"], one["backtest"]
    top = max(flows)
    spark = "".join(BARS[min(7, int(8 * flow / top))] if top else BARS[0] for flow in flows)
    at = flows.index(top)
    between = f"{one['low_per_hour'][at]:.0f}–{one['high_per_hour'][at]:.0f}"
    tested = (f"{score['mean_absolute_error_per_hour']:>6.4g}  {score['six_week_median_error_per_hour']:>6.4g}"
              if score else "not tested")
    return f"{one['id'][:24]:<24} {spark}  {hours[at][11:16]:<7} {top:>8.0f}  {between:<15} {tested}"


def files(data: dict[str, Any]) -> dict[str, bytes]:
    """``forecast.csv``, ``forecast.json`` (all that was published) and ``forecast.svg``."""
    return {"forecast.csv": _csv(data), "forecast.svg": picture(data).encode(),
            "forecast.json": json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()}


def _csv(data: dict[str, Any]) -> bytes:
    return table(["detector", "hour", *COLUMNS], (
        [one["id"], hour, *flows] for one in data["detectors"] if one["expected_per_hour"]
        for hour, *flows in zip(data["hours"], *(one[name] for name in COLUMNS), strict=True)))
