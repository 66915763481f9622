"""Shows a published result: a table for the terminal, CSV, a curve and a picture of the feeder."""

from __future__ import annotations

import csv
import io
from html import escape
from typing import Any

from tasks.energy.evhosting.result import POLICY_WORDS, worst_voltage

BAR = 24
COLOURS = ("#1f77b4", "#d95f02")


def text(data: dict[str, Any]) -> str:
    """A table per policy: share of evenings outside the limits with its 95 % interval, and a bar."""
    lines = [f"{data['feeder']}: {data['buses']} buses, {data['cars_at_100_percent']} cars at 100 %, "
             f"{data['scenarios_per_level']} scenarios per level, {data['studied']}"]
    for policy in data["policies"]:
        lines += ["", f"{POLICY_WORDS[policy['policy']]}: takes {policy['hosting_percent']} % "
                  f"({policy['hosting_cars']} cars)",
                  " level   cars  outside limits  95 % interval   lowest voltage    busiest line"]
        for row in policy["levels"]:
            bar = "█" * round(BAR * row["probability"])
            volt = f"{row['lowest_voltage_pu']:.3f} pu" if row["lowest_voltage_pu"] else "collapse"
            volt += " " + row["lowest_voltage_at"]
            lines.append(f" {row['level_percent']:4d} % {row['cars']:6d} {row['violated']:6d} of "
                         f"{row['scenarios']:<5d} {100 * row['low_95']:5.1f}–{100 * row['high_95']:5.1f} %"
                         f"  {volt:>15}  {row['highest_line_percent']:6.1f} %  {bar}".rstrip())
        limit = policy["first_limit"]
        trafo = (f", transformer {limit['highest_transformer_percent']:.1f} % at {limit['highest_transformer_at']}"
                 if data["transformer"] else "")
        lines.append(f" worst at {limit['level_percent']} %: {worst_voltage(limit)}; line {limit['highest_line']} at "
                     f"{limit['highest_line_at']}{trafo}")
    lines += ["", f"Charging statistics: {data['statistics']}."]
    return "\n".join(lines)


def files(data: dict[str, Any]) -> dict[str, bytes]:
    """``evhosting.csv`` (one row per policy and level), ``evhosting-curve.svg``, ``evhosting-feeder.svg``."""
    return {"evhosting.csv": _csv(data).encode(), "evhosting-curve.svg": _curve(data).encode(),
            "evhosting-feeder.svg": _feeder(data).encode()}


def _csv(data: dict[str, Any]) -> str:
    out = io.StringIO()
    plain = ["level_percent", "cars", "scenarios", "violated", "probability", "low_95", "high_95",
             "lowest_voltage_pu", "lowest_voltage_bus", "lowest_voltage_at", "highest_line_percent", "highest_line",
             "highest_line_at"]
    if data["transformer"]:
        plain += ["highest_transformer_percent", "highest_transformer_at"]
    causes = ["undervoltage", "overvoltage", "line", "transformer", "collapse"]
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["policy", *plain, *(f"violated_by_{cause}" for cause in causes)])
    for policy in data["policies"]:
        for row in policy["levels"]:
            table.writerow([policy["policy"], *(row[name] for name in plain),
                            *(row["violated_by"][cause] for cause in causes)])
    return out.getvalue()


def _svg(width: int, height: int, body: list[str]) -> str:
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
                      f'height="{height}" font-family="sans-serif" font-size="12">',
                      f'<rect width="{width}" height="{height}" fill="white"/>', *body, "</svg>", ""])


def _label(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>'


def _curve(data: dict[str, Any]) -> str:
    """Share of evenings outside the limits over the level, with interval bars and the accepted share."""
    left, top, wide, high = 60.0, 50.0, 520.0, 280.0

    def at(level: float, share: float) -> tuple[float, float]:
        return left + wide * level / 100, top + high * (1 - share)

    body = [_label(left, 24, f"{data['feeder']}: evenings outside the limits", 'font-size="15"')]
    for tick in range(0, 101, 20):
        x, y = at(tick, tick / 100)
        body += [f'<path d="M{left} {y:.1f}h{wide}M{x:.1f} {top}v{high}" stroke="#ddd"/>',
                 _label(left - 6, y + 4, f"{tick} %", 'text-anchor="end"'),
                 _label(x, top + high + 16, f"{tick} %", 'text-anchor="middle"')]
    body.append(_label(left + wide / 2, top + high + 36, f"places with a car (100 % = "
                       f"{data['cars_at_100_percent']} cars)", 'text-anchor="middle"'))
    accepted = at(0, data["accepted_percent"] / 100)[1]
    body.append(f'<path d="M{left} {accepted:.1f}h{wide}" stroke="#888" stroke-dasharray="5 4"/>')
    for place, (policy, colour) in enumerate(zip(data["policies"], COLOURS, strict=False)):
        points = []
        for row in policy["levels"]:
            x, y = at(row["level_percent"], row["probability"])
            x += 3 * place
            points.append(f"{x:.1f},{y:.1f}")
            low, top_end = at(0, row["low_95"])[1], at(0, row["high_95"])[1]
            body.append(f'<path d="M{x:.1f} {low:.1f}V{top_end:.1f}" stroke="{colour}" stroke-width="3" '
                        f'opacity="0.4"/>'
                        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')
        body.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        body.append(_label(left + 260 * place, 42, f"{POLICY_WORDS[policy['policy']]}: takes "
                           f"{policy['hosting_percent']} %", f'fill="{colour}"'))
    return _svg(620, 390, body)


def _places(buses: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Positions in a unit square: given ones where every bus has one, else depth across and branches down."""
    if all(bus["x"] is not None and bus["y"] is not None for bus in buses):
        raw = [(float(bus["x"]), -float(bus["y"])) for bus in buses]
    else:
        depth, row = [0] * len(buses), [0.0] * len(buses)
        children: list[list[int]] = [[] for _ in buses]
        for i, bus in enumerate(buses[1:], 1):
            depth[i] = depth[bus["parent"]] + 1
            children[bus["parent"]].append(i)
        tall = [0] * len(buses)
        for i in reversed(range(len(buses))):
            tall[i] = 1 + max((tall[child] for child in children[i]), default=0)
        rows, stack = 0, [(0, 0.0)]
        while stack:  # the longest way on goes straight; side branches get rows of their own, the farthest first
            i, straight = stack.pop()
            if straight < 0:
                rows += 1
            row[i] = rows if straight < 0 else straight
            order = sorted(children[i], key=lambda child: (tall[child], -child))
            stack += [(child, -1.0) for child in order[:-1]] + [(child, row[i]) for child in order[-1:]]
        raw = [(float(d), r) for d, r in zip(depth, row, strict=True)]
    x0, y0 = min(x for x, _ in raw), min(y for _, y in raw)
    x1, y1 = max(x for x, _ in raw) - x0 or 1.0, max(y for _, y in raw) - y0 or 1.0
    return [((x - x0) / x1, (y - y0) / y1) for x, y in raw]


def _heat(share: float) -> str:
    """Green through yellow to red for 0 to 1."""
    share = min(1.0, max(0.0, share))
    return f"hsl({round(125 * (1 - share))},75%,42%)"


def _feeder(data: dict[str, Any]) -> str:
    """The feeder at its worst moment: buses coloured by voltage, lines by loading."""
    picture = data["picture"]
    buses = picture["buses"]
    where = [(40 + 720 * x, 70 + 250 * y) for x, y in _places(buses)]
    title = f"{data['feeder']}: worst moment at {picture['level_percent']} % ({POLICY_WORDS[picture['policy']]}"
    title += f", {picture['at']})" if picture["at"] else "): no solution, voltages collapse"
    body = [_label(40, 28, title, 'font-size="15"')]
    band = 1 - data["voltage_min_pu"]
    for i, bus in enumerate(buses[1:], 1):
        (x, y), (up_x, up_y) = where[i], where[bus["parent"]]
        load = bus["branch_percent"]
        colour = "#999" if load is None else _heat(load / data["line_limit_percent"])
        tip = f"{bus['branch']}" + (f": {load:.1f} %" if load is not None else "")
        body.append(f'<path d="M{up_x:.1f} {up_y:.1f}L{x:.1f} {y:.1f}" stroke="{colour}" stroke-width="4">'
                    f"<title>{escape(tip)}</title></path>")
    for (x, y), bus in zip(where, buses, strict=True):
        volt = bus["voltage_pu"]
        colour = "#999" if volt is None else _heat((1 - volt) / band if band > 0 else float(volt < 1))
        tip = f"bus {bus['name']}: {bus['cars_at_100_percent']} cars at 100 %" + (
            f", {volt:.4f} pu" if volt is not None else "")
        body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="{colour}" stroke="white">'
                    f"<title>{escape(tip)}</title></circle>")
        if len(buses) <= 60:
            body.append(_label(x, y - 11, bus["name"][:12], 'text-anchor="middle" font-size="10"'))
    body.append(_label(40, 360, f"Circles: voltage, green at 1.00 pu, red at {data['voltage_min_pu']:.2f} pu. "
                       f"Lines: loading, red at {data['line_limit_percent']:g} % or more."))
    return _svg(800, 380, body)
