"""Makes parts of the input of ``energy.evhosting`` from files that others publish; JSON goes to standard output.

``python -m lamplighter.tasks.readers.convert simbench FOLDER``
    the value of ``simbench``
``python -m lamplighter.tasks.readers.convert ev2gym WHEEL [private|public|workplace]``
    the value of ``statistics``
"""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from lamplighter.tasks.readers.simbench import from_folder

ENERGY_MIN_KWH, ENERGY_MAX_KWH = 0.1, 75.0


def ev2gym(wheel: zipfile.ZipFile, place: str = "private") -> dict[str, Any]:
    """Charging statistics of Dutch chargers (ElaadNL) out of the ``ev2gym`` wheel, read as an archive.

    ``place`` is "private", "public" or "workplace". Arrivals of weekdays per quarter-hour; energy at the 0th to
    100th percentile, held between 0.1 and 75 kWh. Raises KeyError if the wheel or the place is another.
    """
    arrivals = _table(wheel, "distribution-of-arrival.csv")
    energy = sorted(float(row[place]) for row in _table(wheel, "distribution-of-energy-demand.csv"))
    return {"arrivals_per_slot": [float(row[place]) for row in arrivals],
            "energy_kwh": [min(ENERGY_MAX_KWH, max(ENERGY_MIN_KWH, kwh)) for kwh in energy],
            "source": f"ElaadNL, {place} chargers, weekdays, as in {Path(wheel.filename or 'ev2gym').name}"}


def _table(wheel: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(wheel.read(f"ev2gym/data/{name}").decode("utf-8-sig"))))


def main(words: list[str]) -> int:
    match words:
        case ["simbench", folder]:
            made: dict[str, Any] = from_folder(Path(folder))
        case ["ev2gym", wheel, *place]:
            made = ev2gym(zipfile.ZipFile(wheel), *place)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    json.dump(made, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
