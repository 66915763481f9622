"""Faults as feeds have them, planted into what is sent. Each plants one and says whether it could.

A fault that a field cannot have (a silent counter where hardly anybody is counted, a code for "missing" among numbers
as large) is not planted.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

Given = dict[str, Any]
Plant = Callable[[Given, random.Random], bool]
CODES = (-999, -9999, -99, -999.9, -99.99, 99999)
BUSY = 50
"""Vehicles in three days below which nobody can tell a silence."""


def _missing(given: Given, rng: random.Random) -> bool:
    code = rng.choice(CODES)
    for one in rng.sample(given["entities"], rng.randint(1, 3)):
        one["z"] = code
    return True


def _swapped(given: Given, rng: random.Random) -> bool:
    rng.choice(given["entities"])["location"]["coordinates"].reverse()
    return True


def _all_swapped(given: Given, _: random.Random) -> bool:
    lons, lats = zip(*(one["location"]["coordinates"] for one in given["entities"]), strict=True)
    given["grid"] = {"bbox": [min(lons), min(lats), max(lons), max(lats)], "rows": 2, "cols": 2}
    for one in given["entities"]:
        one["location"]["coordinates"].reverse()
    return True


def _old(given: Given, rng: random.Random) -> bool:
    rng.choice(given["entities"])["dateObserved"] = f"2025-{rng.randint(1, 12):02d}-03T06:00:00Z"
    return True


def _in_kilometres(given: Given, _: random.Random) -> bool:
    given["stations"] = [{"x_m": 70 * (one["location"]["coordinates"][0] - 10),
                          "y_m": 111.2 * (one["location"]["coordinates"][1] - 47), "value": one["z"]}
                         for one in given.pop("entities")]
    sides = [[one[axis] for one in given["stations"]] for axis in ("x_m", "y_m")]
    del given["property"]
    return max(max(side) - min(side) for side in sides) < 100   # a city; a whole country in km is a park in m


def _range_in_kilometres(given: Given, rng: random.Random) -> bool:
    sides = [[one["location"]["coordinates"][axis] for one in given["entities"]] for axis in (0, 1)]
    extent_km = 80 * max(max(side) - min(side) for side in sides)
    given["variogram"] = {"model": "spherical", "nugget": 1, "partial_sill": 5,
                          "range_m": round(extent_km * rng.uniform(0.2, 0.8), 1)}
    return True


def _silent(given: Given, rng: random.Random) -> bool:
    counts, hours = given["detectors"][0]["counts"], rng.choice([72, 96])
    begin = len(counts) - rng.choice([0, 24, 60, 300]) - hours
    there = sum(count or 0 for count in counts[begin:begin + hours])
    counts[begin:begin + hours] = [0] * hours
    return there >= 4 * BUSY


def _quarters(given: Given, rng: random.Random) -> bool:
    counts = given["detectors"][0]["counts"]
    split = [None if count is None else max(0, round(count / 4 + rng.gauss(0, (count / 4) ** 0.5)))
             for count in counts for _ in range(4)]
    given["detectors"][0]["counts"] = split[-len(counts):]
    return sum(count or 0 for count in counts) > 20 * len(counts)


def _count_code(given: Given, rng: random.Random) -> bool:
    counts = given["detectors"][0]["counts"]
    counts[rng.randrange(len(counts))] = rng.choice((-999, -99, -9999))
    return True


def _home_kw(given: Given, _: random.Random) -> bool:
    for home in given["homes"]:
        home["net_load_w"] = [watts / 1000 for watts in home["net_load_w"]]
    return True


def _charge_kw(given: Given, _: random.Random) -> bool:
    for home in given["homes"]:
        home["charge_w"] /= 1000
    return True


def _eur_per_kwh(given: Given, _: random.Random) -> bool:
    given["prices"] = {name: [price / 1000 for price in row] for name, row in given["prices"].items()}
    return True


def _price_code(given: Given, rng: random.Random) -> bool:
    prices = given["prices"]["buy_eur_per_mwh"]
    prices[rng.randrange(len(prices))] = rng.choice((-999, -9999, -999.9, 9999.9, 99999))
    return True


def _load_code(given: Given, rng: random.Random) -> bool:
    rng.choice(given["homes"])["net_load_w"][rng.randrange(96)] = rng.choice((-99999, 99999, -32768, 999999))
    return True


def _changed(given: Given, table: str, simbench: tuple[str, str], column: str, change: Callable[[float], float],
             only: random.Random | None = None) -> bool:
    """Changes a column of a pandapower net or of SimBench's tables, in all rows or in one."""
    if "pandapower" in given:
        entry = given["pandapower"]["_object"][table]
        split = json.loads(entry["_object"])
        rows, at = split["data"], split["columns"].index(column)
        for row in [only.choice(rows)] if only else rows:
            row[at] = change(row[at])
        entry["_object"] = json.dumps(split)
        return True
    name, column = simbench
    header, *lines = given["simbench"][name].splitlines()
    rows, at = [line.split(";") for line in lines], header.split(";").index(column)
    for row in [only.choice(rows)] if only else rows:
        row[at] = str(change(float(row[at])))
    given["simbench"][name] = "\n".join([header, *map(";".join, rows)])
    return True


def _loads_in_watts(given: Given, _: random.Random) -> bool:
    return _changed(given, "load", ("Load", "pLoad"), "p_mw", lambda value: 1e6 * value)


def _loads_in_kw(given: Given, _: random.Random) -> bool:
    return _changed(given, "load", ("Load", "pLoad"), "p_mw", lambda value: 1e3 * value)


def _lengths_in_metres(given: Given, _: random.Random) -> bool:
    return _changed(given, "line", ("Line", "length"), "length_km", lambda value: 1000 * value)


def _limit_share(given: Given, rng: random.Random) -> bool:
    name, share = rng.choice([("accepted_percent", 0.05), ("line_limit_percent", 0.9),
                              ("transformer_limit_percent", 1.0)])
    given[name] = share
    return True


def _loading_max_share(given: Given, _: random.Random) -> bool:
    return "simbench" in given and _changed(given, "", ("Line", "loadingMax"), "", lambda value: value / 100)


FAULTS: dict[str, list[tuple[str, str, Plant]]] = {
    "environment.airmap": [
        ("code for missing", "missing_code", _missing), ("one position swapped", "swapped_axes", _swapped),
        ("all positions swapped", "swapped_axes", _all_swapped), ("old reading", "old_reading", _old),
        ("positions in km", "length_unit", _in_kilometres), ("range in km", "length_unit", _range_in_kilometres)],
    "traffic.forecast": [
        ("silent for three days", "silent", _silent), ("quarter-hours as hours", "period_unit", _quarters),
        ("code for missing", "missing_code", _count_code)],
    "energy.battery": [
        ("loads in kW", "power_unit", _home_kw), ("charger in kW", "power_unit", _charge_kw),
        ("EUR/kWh", "price_unit", _eur_per_kwh), ("code in prices", "missing_code", _price_code),
        ("code in loads", "missing_code", _load_code)],
    "energy.evhosting": [
        ("W for MW", "power_unit", _loads_in_watts), ("kW for MW", "power_unit", _loads_in_kw),
        ("m for km", "length_unit", _lengths_in_metres), ("limit as share", "share_unit", _limit_share),
        ("loadingMax as share", "share_unit", _loading_max_share)]}
"""By kind: the fault, the finding that must name it, and how it is planted."""
