"""The demo: 25 measured households with solar power and Dutch day-ahead prices; smooth made-up ones when offline."""

from __future__ import annotations

import csv
import io
import itertools
import math
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

from lamplighter.tasks.api import DemoInput
from lamplighter.tasks.energy.battery.model import HOURS, SLOTS
from lamplighter.tasks.fetch import wheel

WHEEL = ("ev2gym", "2.0.0")
LOADS = "ev2gym/data/residential_loads.csv"
PRICES = "ev2gym/data/Netherlands_day-ahead-2015-2024.csv"
SOLAR = "ev2gym/data/pv_netherlands.csv"
HOUSEHOLDS = 25
DAY = date(2024, 6, 15)
TAX_EUR_PER_MWH = 108.8
"""Dutch energy tax of 2024, without VAT: what buying costs above the day-ahead price."""
SOLAR_KWP = 4
SIZES_WH_W = ((5_000, 2_500), (10_000, 5_000), (15_000, 5_000), (20_000, 10_000))
SOURCE = (f"25 measured households, hourly solar power per kWp and Dutch day-ahead prices of {DAY:%d %B %Y} from the "
          f"package ev2gym 2.0.0, each household with {SOLAR_KWP} kWp and four sizes of battery. Assumed by us: "
          f"{TAX_EUR_PER_MWH} EUR/MWh of tax on what is bought, 95 % efficiency each way, half full at midnight")


def day_ahead_eur_per_mwh(archive: zipfile.ZipFile, day: date) -> list[float]:
    """Prices of 24 hours in UTC. Raises ValueError where the table lacks one."""
    found: dict[int, float] = {}
    with archive.open(PRICES) as file:
        for row in csv.DictReader(io.TextIOWrapper(file)):
            stamp = row["Datetime (UTC)"]   # written in two ways
            if not stamp or f"{day.year}" not in stamp:
                continue
            moment = datetime.strptime(stamp, "%d/%m/%Y %H:%M" if "/" in stamp else "%Y-%m-%d %H:%M:%S")
            if moment.date() == day:
                found[moment.hour] = float(row["Price (EUR/MWhe)"])
    if len(found) != HOURS:
        raise ValueError(f"{len(found)} prices for {day}")
    return [found[hour] for hour in range(HOURS)]


def net_loads_w(archive: zipfile.ZipFile, day: date, kwp: float) -> list[list[int]]:
    """Load less solar power in W of each household for 96 quarter-hours of that day of the measured year."""
    place = (day - date(day.year, 1, 1)).days
    with archive.open(SOLAR) as file:
        hours = itertools.islice(csv.DictReader(io.TextIOWrapper(file)), 24 * place, 24 * place + 24)
        solar = [float(row["electricity"]) * kwp for row in hours for _ in range(4)]
    with archive.open(LOADS) as file:
        rows = [list(map(float, line.split(b","))) for line in
                itertools.islice(file, SLOTS * place, SLOTS * (place + 1))]
    return [[round(1000 * (row[home] - sun)) for row, sun in zip(rows, solar, strict=True)]
            for home in range(HOUSEHOLDS)]


def _made_up() -> tuple[list[float], list[list[int]]]:
    """A price with two peaks and a noon valley, and homes that differ in size and in when they cook."""
    prices = [90 + 50 * math.cos((hour - 19) * math.pi / 6) - 60 * math.exp(-((hour - 13) / 3) ** 2)
              for hour in range(HOURS)]
    homes = []
    for home in range(HOUSEHOLDS):
        shape = [300 + 20 * home + 1500 * math.exp(-((slot / 4 - 17.5 - home % 4) / 1.2) ** 2)
                 - 2800 * math.exp(-((slot / 4 - 13) / 3) ** 2) for slot in range(SLOTS)]
        homes.append([round(watts) for watts in shape])
    return prices, homes


def demo(cache: Path) -> DemoInput:
    """A hundred plans: 25 households with four sizes of battery."""
    archive = wheel(cache, *WHEEL)
    if archive is None:
        prices, loads = _made_up()
        return DemoInput(_input("a made-up day", prices, loads),
                         "made-up homes and prices (nothing could be fetched)", real=False)
    with archive:
        prices, loads = day_ahead_eur_per_mwh(archive, DAY), net_loads_w(archive, DAY, SOLAR_KWP)
    return DemoInput(_input(f"{DAY:%d %B %Y}", prices, loads), SOURCE, real=True)


def _input(day: str, prices: list[float], loads: list[list[int]]) -> dict[str, Any]:
    homes = [{"id": f"home {number}, {capacity / 1000:g} kWh", "net_load_w": net, "capacity_wh": capacity,
              "charge_w": watts, "soc_start_wh": capacity / 2}
             for number, net in enumerate(loads, 1) for capacity, watts in SIZES_WH_W]
    return {"day": day, "homes": homes, "prices": {
        "buy_eur_per_mwh": [round(price + TAX_EUR_PER_MWH, 2) for price in prices],
        "sell_eur_per_mwh": [round(price, 2) for price in prices]}}
