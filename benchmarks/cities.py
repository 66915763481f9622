"""A task of city size of each kind, made up: no real place, the same at every call."""

from __future__ import annotations

from collections.abc import Callable

from lamplighter.tasks.api import Input
from lamplighter.tasks.energy.battery import demo as battery
from lamplighter.tasks.energy.evhosting import demo as evhosting
from lamplighter.tasks.environment.airmap import demo as airmap
from lamplighter.tasks.environment.sensorqc import demo as sensorqc
from lamplighter.tasks.traffic.forecast import demo as forecast
from lamplighter.tasks.traffic.signals import demo as signals

JUNCTIONS, DETECTORS, STATIONS, HOURS, HOMES = 14, 400, 120, 336, 1_000


def _signals() -> Input:
    given = signals.generated_street(JUNCTIONS)
    return {**given, "period_end_s": 3_600, "search": {"generations": 1}}


def _airmap() -> Input:
    return {**airmap.generated(STATIONS, 1), "grid": {"cell_m": 15}}


def _evhosting() -> Input:
    return {"feeder": evhosting.feeder33(), "scenarios_per_level": 400, "policies": ["on_arrival", "tariff_22"],
            "voltage_min_pu": 0.90, "voltage_max_pu": 1.10}


def _battery() -> Input:
    prices, loads = battery._made_up()
    given = battery._input("a made-up day", prices, loads)
    homes = given["homes"] * (HOMES // len(given["homes"]))
    return {**given, "homes": [{**home, "id": f"home {number}"} for number, home in enumerate(homes)]}


CITIES: dict[str, Callable[[], Input]] = {
    "traffic.signals": _signals,
    "traffic.forecast": lambda: forecast.generated(DETECTORS, 1),
    "environment.airmap": _airmap,
    "environment.sensorqc": lambda: sensorqc.generated(STATIONS, HOURS, 1),
    "energy.evhosting": _evhosting,
    "energy.battery": _battery,
}
