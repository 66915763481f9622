"""Public fields for the automatic variogram: what it was chosen on and what it is judged on, never both."""

from __future__ import annotations

import csv
import hashlib
import math
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.quality.tools.gstat import Table, written
from benchmarks.quality.workshop import ToolError, Workshop

CHOSEN_ON = ("jura_Cd", "jura_Co", "jura_Cr", "jura_Cu", "jura_Ni", "jura_Pb", "jura_Zn", "coalash_ash", "walker_V",
             "sic97_rain", "oxford_PCLAY1", "oxford_PH1", "oxford_POT1", "meuse_cadmium", "meuse_copper",
             "meuse_lead", "meuse_elev", "soil_moisture", "soil_NO3.N", "soil_DOC", "athens_prpsqm", "fulmar_1999",
             "lucas_price", "quakes_depth", "volcano_elevation")
"""What constants of ``tasks/environment/airmap/method/search.py`` were chosen on: what is usual, and ``LUCK``."""
JUDGED_ON = ("sic2004_dayx", "rainfall_summer", "ozone_1987", "colorado_tmin", "calcium_ca20", "weather_temperature",
             "weather_pressure", "pm10_2005", "boston_NOX", "glacier_elevation", "pcb_PCB138", "usprecip_raw",
             "wheat_yield")
"""What no constant of the method has seen: gamma dose rates in Germany, summer rain of North America, ozone of the
Midwest on 15 days of 1987, spring nights of Colorado, calcium of a field, two errors of weather forecasts, PM10 in
rural Germany on days of 2005; nitrogen oxides in Boston, heights of a glacier, PCB in the sea floor, rain of April
1948, yields of wheat. Of ten networks added at once every second one by name came here, the others above."""
SCRIPT = Path(__file__).with_suffix(".R")
PREDICTIONS, MOST_GIVEN, MOST_KEPT, PAIRS = 1_000, 200, 500, 17
RUN_S = 900

Split = tuple[Table, Table]


class Fields:
    """Raises ToolError where R or its packages are missing: ``Gstat`` installs them."""

    def __init__(self, workshop: Workshop) -> None:
        self._kept = workshop.cache / "fields"
        self._kept.mkdir(exist_ok=True)

    def splits(self, name: str, design: str) -> list[Split]:
        """Stations given and kept back, by ``halves`` or as ``pairs`` of neighbours; 1,000 kept back at least.

        A field of several days gives its days in turn.
        """
        days: dict[float, Table] = {}
        for one in self._run("field", name):
            days.setdefault(one.get("day", 0), []).append(one)
        pick = random.Random(f"{name} {design}")
        found: list[Split] = []
        while sum(len(kept) for _, kept in found) < PREDICTIONS:
            table = list(days.values())[len(found) % len(days)]
            given = _half(table, pick) if design == "halves" else _pairs(table, pick)
            kept = [one for i, one in enumerate(table) if i not in given]
            found.append(([table[i] for i in sorted(given)], pick.sample(kept, min(len(kept), MOST_KEPT))))
        return found

    def models(self, splits: list[Split]) -> Table:
        """What the field's own models say of all that was kept back, in order: see ``fields.R``."""
        rows = [{"split": number, "kept": flag, "x": one["x"], "y": one["y"], "z": one["z"]}
                for number, split in enumerate(splits) for flag, part in enumerate(split) for one in part]
        return self._run("models", rows)

    def _run(self, command: str, given: str | Table) -> Table:
        text = given if isinstance(given, str) else written(given)
        name = hashlib.sha256("\n".join([SCRIPT.read_text(), command, text]).encode()).hexdigest()[:24]
        kept = self._kept / f"{name}.csv"
        if not kept.exists():
            with tempfile.TemporaryDirectory() as folder:
                table, out = Path(folder) / "in.csv", Path(folder) / "out.csv"
                table.write_text(text)
                words = [given if isinstance(given, str) else str(table), str(out)]
                done = subprocess.run(["Rscript", str(SCRIPT), command, *words], capture_output=True, text=True,
                                      timeout=RUN_S, check=False)
                if done.returncode:
                    raise ToolError(f"fields: {done.stderr.strip()[-500:]}")
                shutil.move(out, kept)
        with kept.open(newline="") as rows:
            return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(rows)]


def _half(table: Table, pick: random.Random) -> set[int]:
    return set(pick.sample(range(len(table)), min(MOST_GIVEN, len(table) // 2)))


def _pairs(table: Table, pick: random.Random) -> set[int]:
    """Stations at random, each with its nearest neighbour that is not yet taken."""
    taken: set[int] = set()
    for seed in pick.sample(range(len(table)), len(table)):
        if len(taken) == 2 * PAIRS:
            break
        if seed not in taken:
            free = [i for i in range(len(table)) if i not in taken and i != seed]
            taken |= {seed, min(free, key=lambda i: math.dist(_at(table[i]), _at(table[seed])))}
    return taken


def _at(one: dict[str, float]) -> tuple[float, float]:
    return one["x"], one["y"]
