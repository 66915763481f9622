"""The published plans as text for a terminal, and as CSV and SVG files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lamplighter.tasks.drawing.table import table
from lamplighter.tasks.energy.battery.method.read import clock
from lamplighter.tasks.energy.battery.picture import picture

ROWS = 15
BLOCKS = " ▁▂▃▄▅▆▇█"


def text(data: dict[str, Any]) -> str:
    """The day of all homes as bars, one a half-hour, and a table of the homes that save most."""
    street = data["street"]
    after = [net + watts for net, watts in zip(street["net_load_w"], street["battery_w"], strict=True)]
    lines = [f"{data['day']}: {data['homes_planned']} homes, {data['total_cost_without_eur']:.2f} EUR without, "
             f"{data['total_cost_eur']:.2f} EUR with batteries", "",
             _bars("buy, EUR/MWh", data["buy_eur_per_mwh"], 1), _bars("net load, kW", street["net_load_w"], 1000),
             _bars("with batteries", after, 1000), _bars("stored, kWh", street["stored_wh"], 1000),
             _hours(len(after) // 4), "",
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
    return "\n".join([*lines, *data["notes"]])


def _hours(hours: int) -> str:
    """The line below the bars: every sixth hour, and how many the day has."""
    return " " * 15 + "".join(f"{hour}h".ljust(12) for hour in range(0, 24, 6))[:2 * hours - 2] + f"{hours}h"


def _bars(name: str, values: Sequence[float], scale: float) -> str:
    halves = [sum(values[place:place + 2]) / 2 for place in range(0, len(values), 2)]
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
    return {"battery-homes.csv": _homes(data), "battery-plan.csv": _plans(data),
            "battery-street.svg": picture(data, street, title).encode(),
            "battery-home.svg": picture(data, one, example).encode()}


def stored_wh(home: dict[str, Any]) -> list[float]:
    """Wh stored at the end of each quarter-hour, from a home's plan and efficiencies."""
    wh, out = home["soc_start_wh"], []
    charge, discharge = home["efficiency_permille"]
    for watts in home["plan_w"]:
        wh += watts / 4 * (charge / 1000 if watts > 0 else 1000 / discharge)
        out.append(wh)
    return out


def _homes(data: dict[str, Any]) -> bytes:
    names = ["id", "cost_without_eur", "cost_eur", "saving_eur", "gap_at_most_eur", "stored_at_end_wh"]
    return table([*names, "charged_wh", "discharged_wh"], (
        [*(home[name] for name in names),
         *(sum(max(0, sign * watts) for watts in home["plan_w"]) / 4 for sign in (1, -1))] for home in data["homes"]))


def _plans(data: dict[str, Any]) -> bytes:
    return table(["id", "quarter_hour", "begins", "battery_w", "stored_wh"], (
        [home["id"], slot, clock(slot), watts, round(wh, 1)] for home in data["homes"]
        for slot, (watts, wh) in enumerate(zip(home["plan_w"], stored_wh(home), strict=True))))
