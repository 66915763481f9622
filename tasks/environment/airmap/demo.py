"""A real input for the demo: zinc in the topsoil of a flood plain of the river Meuse."""

from __future__ import annotations

import csv
import io
import math
import random
from pathlib import Path
from typing import Any

from lamplighter.tasks import fetch
from lamplighter.tasks.api import DemoInput

PACKAGE, VERSION = "scikit-gstat", "1.0.26"
MEMBER = "skgstat/data/samples/meuse.txt"
CELL_M = 50
FURTHEST_M = 200


def demo(cache: Path) -> DemoInput:
    """The meuse readings out of a wheel (0.7 MB, fetched once), or generated stations where that fails."""
    archive = fetch.wheel(cache, PACKAGE, VERSION)
    if archive is None:
        return DemoInput(generated(40, 1), "generated: 40 made-up stations; no network for the real readings", False)
    with archive:
        table = csv.DictReader(io.StringIO(archive.read(MEMBER).decode()))
        stations = [{"id": f"meuse-{number}", "x_m": float(row["x"]), "y_m": float(row["y"]),
                     "value": float(row["zinc"])} for number, row in enumerate(table, 1)]
    given = {"quantity": "zinc in topsoil", "unit": "mg/kg", "stations": stations, "transform": "log",
             "grid": {"cell_m": CELL_M}, "max_distance_m": FURTHEST_M, "variogram": "auto"}
    source = (f"{len(stations)} topsoil samples from the flood plain of the Meuse near Stein (R package sp, Pebesma "
              f"& Bivand 2005), from the wheel {PACKAGE} {VERSION}")
    return DemoInput(given, source, True)


def generated(count: int, seed: int) -> dict[str, Any]:
    """Made-up PM10 at ``count`` stations of a 6 km town with a ring road: no real place."""
    chance = random.Random(seed)  # noqa: S311
    stations = []
    for number in range(1, count + 1):
        x, y = chance.uniform(0, 6000), chance.uniform(0, 6000)
        ring = math.exp(-((math.hypot(x - 3000, y - 3000) - 1800) / 600) ** 2)
        value = 14 + 12 * ring + 4 * x / 6000 + chance.gauss(0, 1.5)
        stations.append({"id": f"made-up-{number}", "x_m": round(x, 1), "y_m": round(y, 1), "value": round(value, 2)})
    return {"quantity": "PM10 (made up)", "unit": "µg/m³", "stations": stations,
            "grid": {"cell_m": 150}, "variogram": "auto"}
