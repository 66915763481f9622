"""The charge plan as an SVG: prices, power and what is stored, over the day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lamplighter.tasks.drawing.svg import document, label

NET, AFTER, CHARGE, STORED, BUY, SELL = "#9aa5b1", "#1f4e79", "#2a9d5c", "#e9a23b", "#c0392b", "#7d5ba6"
LEFT, WIDE = 70.0, 720.0


class Panel:
    """One of the stacked plots, ``slots`` wide: a frame with round ticks for values between ``low`` and ``high``."""

    def __init__(self, slots: int, top: float, tall: float, rows: Sequence[Sequence[float]], name: str) -> None:
        self.slots, self.top, self.tall = slots, top, tall
        low, high = min(0.0, *(min(row) for row in rows)), max(0.0, *(max(row) for row in rows))
        rough = max((high - low) / 5, 1e-3)
        power = 10.0 ** math.floor(math.log10(rough))
        step = power * next(times for times in (1, 2, 5, 10) if times * power >= rough)
        lowest, highest = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 1)
        self.low, self.high = lowest * step, highest * step
        self.body = [label(LEFT, top - 8, name, 'font-size="12" fill="#333"')]
        for tick in range(lowest, highest + 1):
            y = self.y(tick * step)
            self.body += [f'<path d="M{LEFT} {y:.1f}h{WIDE}" stroke="{"#999" if tick == 0 else "#e4e4e4"}"/>',
                          label(LEFT - 6, y + 4, f"{tick * step:g}", 'text-anchor="end" font-size="11"')]
        for hour in range(0, self.slots // 4 + 1, 3):
            self.body.append(f'<path d="M{self.x(4 * hour):.1f} {top}v{tall}" stroke="#f0f0f0"/>')

    def x(self, slot: float) -> float:
        """Where a quarter-hour begins."""
        return LEFT + WIDE * slot / self.slots

    def y(self, value: float) -> float:
        return self.top + self.tall * (self.high - value) / (self.high - self.low)

    def steps(self, row: Sequence[float], colour: str, more: str = "") -> None:
        """A line that holds its value over each quarter-hour."""
        way = "".join(f"{'M' if slot == 0 else 'L'}{self.x(slot):.1f} {self.y(value):.1f}H{self.x(slot + 1):.1f}"
                      for slot, value in enumerate(row))
        self.body.append(f'<path d="{way}" fill="none" stroke="{colour}" stroke-width="1.8" {more}/>')

    def bars(self, row: Sequence[float], colour: str) -> None:
        """A bar from zero for each quarter-hour."""
        for slot, value in enumerate(row):
            if value:
                y, zero = self.y(value), self.y(0)
                self.body.append(f'<rect x="{self.x(slot):.1f}" y="{min(y, zero):.1f}" '
                                 f'width="{WIDE / self.slots:.1f}" height="{abs(y - zero):.1f}" fill="{colour}" '
                                 'opacity="0.55"/>')

    def area(self, row: Sequence[float], colour: str) -> None:
        """A filled curve through the values at midnight and at the ends of the quarter-hours."""
        way = " ".join(f"L{self.x(slot):.1f} {self.y(value):.1f}" for slot, value in enumerate(row))
        zero = self.y(0)
        self.body.append(f'<path d="M{self.x(0):.1f} {zero:.1f} {way} L{self.x(self.slots):.1f} {zero:.1f}Z" '
                         f'fill="{colour}" opacity="0.55"/>')


def picture(data: dict[str, Any], one: dict[str, Any], title: str) -> str:
    """Prices; net load without and with the battery over its charging; what is stored."""
    net = [watts / 1000 for watts in one["net_load_w"]]
    battery = [watts / 1000 for watts in one["battery_w"]]
    after = [a + b for a, b in zip(net, battery, strict=True)]
    stored = [wh / 1000 for wh in (one["stored_at_start_wh"], *one["stored_wh"])]
    prices = Panel(len(net), 70, 120, [data["buy_eur_per_mwh"], data["sell_eur_per_mwh"]], "price in EUR/MWh")
    prices.steps(data["buy_eur_per_mwh"], BUY)
    prices.steps(data["sell_eur_per_mwh"], SELL, 'stroke-dasharray="4 3"')
    power = Panel(len(net), 225, 200, [net, battery, after], "power in kW; below zero: into the grid, battery gives")
    power.bars(battery, CHARGE)
    power.steps(net, NET)
    power.steps(after, AFTER)
    store = Panel(len(net), 460, 100, [stored, [one["capacity_wh"] / 1000]], "stored in kWh")
    store.area(stored, STORED)
    key = []
    for place, (words, colour) in enumerate((
            ("buy", BUY), ("sell", SELL), ("net load", NET), ("with battery", AFTER), ("battery", CHARGE),
            ("stored", STORED))):
        x = LEFT + 118 * place
        key += [f'<rect x="{x:.1f}" y="590" width="12" height="12" fill="{colour}"/>', label(x + 17, 601, words)]
    hours = [label(power.x(4 * hour), 576, f"{hour:02d}:00", 'text-anchor="middle" font-size="11"')
             for hour in range(0, len(net) // 4 + 1, 3)]
    body = [label(LEFT, 30, title, 'font-size="16"'), *prices.body, *power.body, *store.body, *hours, *key]
    return document(820, 620, ['<rect width="820" height="620" fill="white"/>', *body])
