"""A small generated input with known faults: no public package that pip can fetch holds station readings."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

from lamplighter.tasks.api import DemoInput

STATIONS, HOURS = 36, 48


def demo(cache: Path) -> DemoInput:
    """Two days of hourly readings at 36 made-up stations: one reads low, one is stuck, one has spikes."""
    del cache
    source = (f"generated: {HOURS} hours at {STATIONS} made-up stations; number 5 reads 40 % low from hour 20, "
              "number 12 is stuck from hour 30, number 20 has three spikes")
    return DemoInput(generated(STATIONS, HOURS, 1), source, False)


def generated(count: int, hours: int, seed: int) -> dict[str, Any]:
    """Made-up PM10 in a town of 6 km with a ring road and a daily course, every thirtieth reading missing."""
    chance = random.Random(seed)  # noqa: S311
    places = [(round(chance.uniform(0, 6000), 1), round(chance.uniform(0, 6000), 1)) for _ in range(count)]
    site = [chance.gauss(0, 0.6) for _ in range(count)]
    rows: list[list[float | None]] = []
    for hour in range(hours):
        base, wind = 18 + 6 * math.sin(hour / 24 * math.tau), 3 * math.cos(hour / 17)
        row: list[float | None] = []
        for i, (x, y) in enumerate(places):
            ring = math.exp(-((math.hypot(x - 3000, y - 3000) - 1800) / 700) ** 2)
            value = base + 8 * ring + wind * x / 6000 + site[i] + chance.gauss(0, 0.8)
            row.append(None if chance.random() < 1 / 30 else round(value, 1))
        rows.append(row)
    _spoil(rows)
    return {"quantity": "PM10 (made up)", "unit": "µg/m³",
            "stations": [{"id": f"made-up-{i + 1}", "x_m": x, "y_m": y} for i, (x, y) in enumerate(places)],
            "times": [f"2026-03-{1 + hour // 24:02d}T{hour % 24:02d}:00Z" for hour in range(hours)], "readings": rows}


def _spoil(rows: list[list[float | None]]) -> None:
    for hour, row in enumerate(rows):
        low, stuck = row[4], row[11]
        if hour >= 20 and low is not None:
            row[4] = round(0.6 * low, 1)
        if hour >= 30 and stuck is not None:
            row[11] = 17.3
        if hour in (7, 15, 33):
            row[19] = 80.0
