"""Makes parts of inputs from files that others publish: ``lamplighter kind convert FORMAT FILE``."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.published import eea, entsoe, openaq, sensor_community
from lamplighter.tasks.readers.simbench import from_folder
from lamplighter.tasks.registry import nearest

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


def _simbench(path: Path, _: Left) -> Any:
    return from_folder(path)


def _ev2gym(path: Path, _: Left, place: str = "private") -> Any:
    return ev2gym(zipfile.ZipFile(path), place)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")


FORMATS: dict[str, Callable[..., Any]] = {
    "simbench": _simbench, "ev2gym": _ev2gym,
    "openaq": lambda path, left, *name: openaq(_text(path), left, *name),
    "sensor-community": lambda path, left: sensor_community(_text(path), left),
    "eea": lambda path, left, *metadata: eea(_text(path), left, *(_text(Path(one)) for one in metadata)),
    "entsoe": lambda path, left, *day: entsoe(_text(path), left, *day)}
"""By format: path, what is left out, and what else the format takes -> the value of a part of an input."""


def convert(form: str, path: Path, *more: str) -> tuple[Any, list[str]]:
    """The value that the file or folder ``path`` holds in a format, and what was left out, in sentences.

    Raises TaskError: unknown_format, bad_file, and those of the readers.
    """
    if form not in FORMATS:
        raise TaskError("unknown_format", f"no format {form[:64]!r}", nearest(form, list(FORMATS)))
    left = Left()
    try:
        return FORMATS[form](path, left, *more), left.notes()
    except (OSError, UnicodeError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise TaskError("bad_file", f"{path} cannot be read as {form}: {str(error)[:200]}",
                        "give the file as it was published") from None
