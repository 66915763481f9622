"""Tasks of city size, as many as so many boards can work on for a minute and more: see `utilisation`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lamplighter.tasks.energy.evhosting.demo import feeder33
from lamplighter.tasks.environment.airmap.demo import generated as some_map
from lamplighter.tasks.environment.sensorqc.demo import generated as some_series
from lamplighter.tasks.traffic.signals.demo import generated_street

City = Callable[[int], list[dict[str, Any]]]
"""How many boards -> the inputs of its tasks."""
JUNCTIONS, TOGETHER = 300, 16
"""A city's, and how many of them one task takes."""


def signals(boards: int) -> list[dict[str, Any]]:
    """300 junctions whatever there are of boards: streets of 16, with the search that is usual."""
    del boards
    street = generated_street(TOGETHER) | {"period_end_s": 300}
    return [street | {"search": {"seed": number}} for number in range(-(-JUNCTIONS // TOGETHER))]


def airmap(boards: int) -> list[dict[str, Any]]:
    """A year of daily maps and less: 70 stations, cells of 25 m."""
    return [some_map(70, day) | {"grid": {"cell_m": 25}} for day in range(3 * boards // 2)]


def sensorqc(boards: int) -> list[dict[str, Any]]:
    """A month and more of hourly readings at 60 stations, a week a task."""
    return [some_series(60, 168, week) for week in range(2 * boards // 3)]


def evhosting(boards: int) -> list[dict[str, Any]]:
    """One feeder, with as many scenarios as time allows."""
    return [{"feeder": feeder33(), "scenarios_per_level": 55 * boards, "policies": ["on_arrival", "tariff_22"],
             "voltage_min_pu": 0.90, "voltage_max_pu": 1.10}]


CITIES: dict[str, City] = {"traffic.signals": signals, "environment.airmap": airmap,
                           "environment.sensorqc": sensorqc, "energy.evhosting": evhosting}
