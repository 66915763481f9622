"""Draws a published result as SVG: the hosting curve, and the feeder at its worst moment."""

from __future__ import annotations

from html import escape
from typing import Any

from lamplighter.tasks.drawing.scale import blend
from lamplighter.tasks.drawing.svg import document, label
from lamplighter.tasks.energy.evhosting.result import POLICY_WORDS, hosting

COLOURS = ("#1f6fb4", "#d95f02")
DASHED = ' stroke-dasharray="7 3"'
HEAT = ((44, 123, 182), (245, 157, 61), (202, 22, 28))


def curve(data: dict[str, Any]) -> str:
    """Share of evenings outside the limits over the level, with a band for the interval and the accepted share."""
    left, top, wide, high = 70.0, 84.0, 560.0, 290.0

    def at(level: float, share: float) -> str:
        return f"{left + wide * level / 100:.1f},{top + high * (1 - share):.1f}"

    body = [label(left, 28, f"{data['feeder']}: how many electric cars?", 'font-size="17" font-weight="bold"')]
    for tick in range(0, 101, 20):
        x, y = at(tick, tick / 100).split(",")
        body += [f'<path d="M{left} {y}h{wide}M{x} {top}v{high}" stroke="#e2e2e2"/>',
                 label(left - 8, float(y) + 4, f"{tick} %", 'text-anchor="end"'),
                 label(float(x), top + high + 18, f"{tick} %", 'text-anchor="middle"')]
    body += [label(left + wide / 2, top + high + 40, "places with a car (100 % = "
                    f"{data['cars_at_100_percent']} cars)", 'text-anchor="middle"'),
             f'<text transform="translate(20 {top + high / 2}) rotate(-90)" text-anchor="middle">evenings outside '
             "the limits</text>"]
    y = top + high * (1 - data["accepted_percent"] / 100)
    body += [f'<path d="M{left} {y:.1f}h{wide}" stroke="#555" stroke-dasharray="5 4"/>',
             label(left + wide - 4, y - 5, f"accepted: {data['accepted_percent']:g} %",
                    'text-anchor="end" fill="#555" font-size="11"')]
    for place, (policy, colour) in enumerate(zip(data["policies"], COLOURS, strict=False)):
        rows = policy["levels"]
        band = [at(row["level_percent"], row["high_95"]) for row in rows] + [
            at(row["level_percent"], row["low_95"]) for row in reversed(rows)]
        points = [at(row["level_percent"], row["probability"]) for row in rows]
        body += [f'<polygon points="{" ".join(band)}" fill="{colour}" stroke="{colour}" stroke-linejoin="round" '
                 'opacity="0.22"/>',
                 f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>']
        for row, point in zip(rows, points, strict=True):
            x, y_text = point.split(",")
            body.append(f'<circle cx="{x}" cy="{y_text}" r="3.5" fill="{colour}"><title>{row["violated"]} of '
                        f'{row["scenarios"]} evenings at {row["level_percent"]} %</title></circle>')
        body.append(label(left + 24, 50 + 18 * place, f"{POLICY_WORDS[policy['policy']]}: {hosting(policy)}, "
                           f"{policy['hosting_cars']} cars"))
        body.append(f'<rect x="{left}" y="{41 + 18 * place}" width="16" height="9" fill="{colour}"/>')
    cut = f" Cut short: {data['jobs_missing']} of {data['jobs']} jobs missing." if data["jobs_missing"] else ""
    body.append(label(left, top + high + 62, f"Band: 95 % interval of {data['scenarios_per_level']} simulated "
                       f"evenings a level.{cut}", 'font-size="11" fill="#555"'))
    return document(660, 450, ['<rect width="660" height="450" fill="white"/>', *body])


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
    """Blue through orange to red for 0 to 1."""
    return "#" + bytes(blend(HEAT, share)).hex()


def _scale(x: float, y: float, title: str, low: str, high: str) -> list[str]:
    return [label(x, y - 6, title, 'font-size="11"'),
            *(f'<rect x="{x + 6 * k}" y="{y}" width="6.5" height="9" fill="{_heat(k / 19)}"/>' for k in range(20)),
            label(x, y + 22, low, 'font-size="11"'),
            label(x + 120, y + 22, high, 'font-size="11" text-anchor="end"')]


def feeder(data: dict[str, Any]) -> str:
    """The feeder at its worst moment: buses coloured by voltage, lines by loading, the worst of each named."""
    picture = data["picture"]
    buses = picture["buses"]
    where = [(50 + 700 * x, 84 + 320 * y) for x, y in _places(buses)]
    size = 7 if len(buses) <= 60 else 4.5
    title = f"worst evening at {picture['level_percent']} % of the cars, {POLICY_WORDS[picture['policy']]}"
    title += f", {picture['at']}" if picture["at"] else ": no solution, voltages collapse"
    body = [label(40, 28, data["feeder"], 'font-size="17" font-weight="bold"'), label(40, 48, title)]
    low, high, limit = data["voltage_min_pu"], data["voltage_max_pu"], data["line_limit_percent"]
    for i, bus in enumerate(buses[1:], 1):
        (x, y), (up_x, up_y) = where[i], where[bus["parent"]]
        load, trafo = bus["branch_percent"], i == 1 and data["transformer"]
        top = data["transformer_limit_percent"] if trafo else limit
        colour = "#999" if load is None else _heat(load / top)
        tip = f"{bus['branch']}" + (f": {load:.1f} %" if load is not None else "")
        body.append(f'<path d="M{up_x:.1f} {up_y:.1f}L{x:.1f} {y:.1f}" stroke="{colour}" '
                    f'stroke-width="{2 + 3 * min(1.0, (load or 0) / top):.1f}"'
                    f"{DASHED if trafo else ''}><title>{escape(tip)}</title></path>")
    for (x, y), bus in zip(where, buses, strict=True):
        volt = bus["voltage_pu"]
        off = None if volt is None else max((1 - volt) / (1 - low) if low < 1 else float(volt < 1),
                                            (volt - 1) / (high - 1) if high > 1 else float(volt > 1))
        colour = "#999" if off is None else _heat(off)
        tip = f"bus {bus['name']}: {bus['cars_at_100_percent']} cars at 100 %" + (
            f", {volt:.4f} pu" if volt is not None else "")
        body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="{colour}" stroke="white">'
                    f"<title>{escape(tip)}</title></circle>")
        if len(buses) <= 60:
            body.append(label(x, y - 10, bus["name"][-12:], 'text-anchor="middle" font-size="9" fill="#555"'))
    if picture["at"]:
        body += _worst(buses, where)
    body += _scale(40, 448, "circles: voltage", "1.00 pu", f"{low:.2f} or {high:.2f} pu")
    body += _scale(230, 448, "lines: loading", "0 %", f"{limit:g} %")
    x, y = where[0]
    body.append(f'<rect x="{x - 7:.1f}" y="{y - 7:.1f}" width="14" height="14" fill="none" stroke="#333" '
                f'stroke-width="2"/>')
    body.append(label(420, 457, "square: source" + (", dashed: transformer" if data["transformer"] else ""),
                       'font-size="11"'))
    return document(800, 480, ['<rect width="800" height="480" fill="white"/>', *body])


def _worst(buses: list[dict[str, Any]], where: list[tuple[float, float]]) -> list[str]:
    """Words beside the bus with the lowest voltage and the branch with the highest loading."""
    volt = min(range(1, len(buses)), key=lambda i: buses[i]["voltage_pu"])
    line = max(range(1, len(buses)), key=lambda i: buses[i]["branch_percent"])
    (x, y), (up_x, up_y) = where[line], where[buses[line]["parent"]]
    spots = [(*where[volt], f"{buses[volt]['name']}: {buses[volt]['voltage_pu']:.3f} pu"),
             ((x + up_x) / 2, (y + up_y) / 2, f"{buses[line]['branch']}: {buses[line]['branch_percent']:.0f} %")]
    out = []
    for place, (x, y, words) in enumerate(spots):
        end, step = ("end", -12) if x > 400 else ("start", 12)
        out.append(label(x + step, y + (20 if place == 0 else -20), words,
                          f'text-anchor="{end}" font-size="12" font-weight="bold" stroke="white" stroke-width="3" '
                          'paint-order="stroke"'))
    return out
