"""Shows a published result: a table and a plot for the terminal, CSV, and the charge plan as a picture."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from html import escape
from typing import Any

from lamplighter.tasks.energy.battery.method.read import clock
from lamplighter.tasks.energy.battery.model import SLOTS

ROWS = 15
BLOCKS = " ▁▂▃▄▅▆▇█"
NET, AFTER, CHARGE, STORED, BUY, SELL = "#9aa5b1", "#1f4e79", "#2a9d5c", "#e9a23b", "#c0392b", "#7d5ba6"


def text(data: dict[str, Any]) -> str:
    """The day of all homes as bars, one a half-hour, and a table of the homes that save most."""
    street = data["street"]
    after = [net + watts for net, watts in zip(street["net_load_w"], street["battery_w"], strict=True)]
    lines = [f"{data['day']}: {data['homes_planned']} homes, {data['total_cost_without_eur']:.2f} EUR without, "
             f"{data['total_cost_eur']:.2f} EUR with batteries", "",
             _bars("buy, EUR/MWh", data["buy_eur_per_mwh"], 1), _bars("net load, kW", street["net_load_w"], 1000),
             _bars("with batteries", after, 1000), _bars("stored, kWh", street["stored_wh"], 1000),
             f"{'':15}0h          6h          12h         18h       24h", "",
             "  without     with   saving   best saves   home",
             "      EUR      EUR      EUR  at most more"]
    best = sorted(data["homes"], key=lambda one: (-one["saving_eur"], one["id"]))[:ROWS]
    lines += [f"{home['cost_without_eur']:9.2f}{home['cost_eur']:9.2f}{home['saving_eur']:9.2f}"
              f"{home['gap_at_most_eur']:14.4f}   {home['id'][:50]}" for home in best]
    if len(data["homes"]) > ROWS:
        lines.append(f"  and {len(data['homes']) - ROWS} more, all in the CSV")
    if data["homes_without_plan"]:
        names = ", ".join(home["id"] for home in data["homes_without_plan"][:5])
        lines.append(f"without a plan: {len(data['homes_without_plan'])} ({names[:70]})")
    return "\n".join(lines)


def _bars(name: str, values: Sequence[float], scale: float) -> str:
    halves = [sum(values[place:place + 2]) / 2 for place in range(0, SLOTS, 2)]
    low, high = min(halves), max(halves)
    steps = len(BLOCKS) - 1
    bars = "".join(BLOCKS[round(steps * (value - low) / (high - low)) if high > low else 4] for value in halves)
    return f"{name:<15}{bars}  {low / scale:.1f} to {high / scale:.1f}"


def files(data: dict[str, Any]) -> dict[str, bytes]:
    """``battery-homes.csv`` (a row a home), ``battery-plan.csv`` (a row a home and quarter-hour),
    ``battery-street.svg`` (all homes) and ``battery-home.svg`` (the one that saves most)."""
    street, one = data["street"], data["picture"]
    title = f"{data['day']}: {data['homes_planned']} homes save {data['total_saving_eur']:.2f} EUR"
    example = f"{data['day']}: {one['id']} saves {one['saving_eur']:.2f} EUR"
    return {"battery-homes.csv": _homes(data).encode(), "battery-plan.csv": _plans(data).encode(),
            "battery-street.svg": _picture(data, street, title).encode(),
            "battery-home.svg": _picture(data, one, example).encode()}


def stored_wh(home: dict[str, Any]) -> list[float]:
    """Wh stored at the end of each quarter-hour, from a home's plan and efficiencies."""
    wh, out = home["soc_start_wh"], []
    charge, discharge = home["efficiency_permille"]
    for watts in home["plan_w"]:
        wh += watts / 4 * (charge / 1000 if watts > 0 else 1000 / discharge)
        out.append(wh)
    return out


def _homes(data: dict[str, Any]) -> str:
    out = io.StringIO()
    names = ["id", "cost_without_eur", "cost_eur", "saving_eur", "gap_at_most_eur", "stored_at_end_wh"]
    table = csv.writer(out, lineterminator="\n")
    table.writerow([*names, "charged_wh", "discharged_wh"])
    for home in data["homes"]:
        charged, given = (sum(max(0, sign * watts) for watts in home["plan_w"]) / 4 for sign in (1, -1))
        table.writerow([*(home[name] for name in names), charged, given])
    return out.getvalue()


def _plans(data: dict[str, Any]) -> str:
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["id", "quarter_hour", "begins", "battery_w", "stored_wh"])
    for home in data["homes"]:
        for slot, (watts, wh) in enumerate(zip(home["plan_w"], stored_wh(home), strict=True)):
            table.writerow([home["id"], slot, clock(slot), watts, round(wh, 1)])
    return out.getvalue()


LEFT, WIDE = 70.0, 720.0


def _x(slot: float) -> float:
    return LEFT + WIDE * slot / SLOTS


def _label(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>'


class Panel:
    """One of the stacked plots: a frame with round ticks for values between ``low`` and ``high``."""

    def __init__(self, top: float, tall: float, rows: Sequence[Sequence[float]], name: str) -> None:
        self.top, self.tall = top, tall
        low, high = min(0.0, *(min(row) for row in rows)), max(0.0, *(max(row) for row in rows))
        rough = max((high - low) / 5, 1e-3)
        power = 10.0 ** math.floor(math.log10(rough))
        step = power * next(times for times in (1, 2, 5, 10) if times * power >= rough)
        lowest, highest = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 1)
        self.low, self.high = lowest * step, highest * step
        self.body = [_label(LEFT, top - 8, name, 'font-size="12" fill="#333"')]
        for tick in range(lowest, highest + 1):
            y = self.y(tick * step)
            self.body += [f'<path d="M{LEFT} {y:.1f}h{WIDE}" stroke="{"#999" if tick == 0 else "#e4e4e4"}"/>',
                          _label(LEFT - 6, y + 4, f"{tick * step:g}", 'text-anchor="end" font-size="11"')]
        for hour in range(0, 25, 3):
            self.body.append(f'<path d="M{_x(4 * hour):.1f} {top}v{tall}" stroke="#f0f0f0"/>')

    def y(self, value: float) -> float:
        return self.top + self.tall * (self.high - value) / (self.high - self.low)

    def steps(self, row: Sequence[float], colour: str, more: str = "") -> None:
        """A line that holds its value over each quarter-hour."""
        way = "".join(f"{'M' if slot == 0 else 'L'}{_x(slot):.1f} {self.y(value):.1f}H{_x(slot + 1):.1f}"
                      for slot, value in enumerate(row))
        self.body.append(f'<path d="{way}" fill="none" stroke="{colour}" stroke-width="1.8" {more}/>')

    def bars(self, row: Sequence[float], colour: str) -> None:
        """A bar from zero for each quarter-hour."""
        for slot, value in enumerate(row):
            if value:
                y, zero = self.y(value), self.y(0)
                self.body.append(f'<rect x="{_x(slot):.1f}" y="{min(y, zero):.1f}" width="{WIDE / SLOTS:.1f}" '
                                 f'height="{abs(y - zero):.1f}" fill="{colour}" opacity="0.55"/>')

    def area(self, row: Sequence[float], colour: str) -> None:
        """A filled curve through the values at midnight and at the ends of the quarter-hours."""
        way = " ".join(f"L{_x(slot):.1f} {self.y(value):.1f}" for slot, value in enumerate(row))
        zero = self.y(0)
        self.body.append(f'<path d="M{_x(0):.1f} {zero:.1f} {way} L{_x(SLOTS):.1f} {zero:.1f}Z" fill="{colour}" '
                         'opacity="0.55"/>')


def _picture(data: dict[str, Any], one: dict[str, Any], title: str) -> str:
    """Prices; net load without and with the battery over its charging; what is stored."""
    net = [watts / 1000 for watts in one["net_load_w"]]
    battery = [watts / 1000 for watts in one["battery_w"]]
    after = [a + b for a, b in zip(net, battery, strict=True)]
    stored = [wh / 1000 for wh in (one["stored_at_start_wh"], *one["stored_wh"])]
    prices = Panel(70, 120, [data["buy_eur_per_mwh"], data["sell_eur_per_mwh"]], "price in EUR/MWh")
    prices.steps(data["buy_eur_per_mwh"], BUY)
    prices.steps(data["sell_eur_per_mwh"], SELL, 'stroke-dasharray="4 3"')
    power = Panel(225, 200, [net, battery, after], "power in kW; below zero: into the grid, battery gives")
    power.bars(battery, CHARGE)
    power.steps(net, NET)
    power.steps(after, AFTER)
    store = Panel(460, 100, [stored, [one["capacity_wh"] / 1000]], "stored in kWh")
    store.area(stored, STORED)
    key = []
    for place, (words, colour) in enumerate((
            ("buy", BUY), ("sell", SELL), ("net load", NET), ("with battery", AFTER), ("battery", CHARGE),
            ("stored", STORED))):
        x = LEFT + 118 * place
        key += [f'<rect x="{x:.1f}" y="590" width="12" height="12" fill="{colour}"/>', _label(x + 17, 601, words)]
    hours = [_label(_x(4 * hour), 576, f"{hour:02d}:00", 'text-anchor="middle" font-size="11"')
             for hour in range(0, 25, 3)]
    body = [_label(LEFT, 30, title, 'font-size="16"'), *prices.body, *power.body, *store.body, *hours, *key]
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 620" width="820" height="620" '
                      'font-family="sans-serif" font-size="12">', '<rect width="820" height="620" fill="white"/>',
                      *body, "</svg>", ""])
